"""Python: what is known of values before the code runs: defaults, branches, loops, attributes, dictionaries."""

import time

import pytest

from app.risk.assess import assess_proposal
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel


def level(text):
    assessment = assess_proposal({"kind": "script", "title": "t", "language": "python", "content": text})
    return assessment.level, [(found.rule, found.line, found.message) for found in assessment.findings]


CASES = [
    # a default is what happens if nothing else is given
    ("import os, shutil\nshutil.rmtree(os.environ.get('OUT', '/'))", CRITICAL),
    ("import os, shutil\nshutil.rmtree(os.getenv('OUT') or '/home')", CRITICAL),
    ("import os, shutil\nshutil.rmtree(os.environ.get('OUT', '') + '/')", CRITICAL),
    (
        "import argparse, shutil\np = argparse.ArgumentParser()\np.add_argument('--root', default='/')\n"
        "shutil.rmtree(p.parse_args().root)",
        CRITICAL,
    ),
    (
        "import shutil, typer\ndef main(root: str = typer.Option('/home')):\n    shutil.rmtree(root)\ntyper.run(main)",
        CRITICAL,
    ),
    ("import subprocess\ndef go(cmd='rm -rf ~'):\n    subprocess.run(cmd, shell=True)\ngo()", CRITICAL),
    # each branch counts, and each round of a loop over known values
    ("import os, shutil, sys\nshutil.rmtree('/' if len(sys.argv) > 1 else 'out')", CRITICAL),
    ("import shutil\nfor path in ('build', 'dist', '/etc'):\n    shutil.rmtree(path)", CRITICAL),
    ("import shutil\nfor path in ('build', 'dist'):\n    shutil.rmtree(path)", MEDIUM),
    ("import os\nfor name, cmd in {'a': 'ls', 'b': 'rm -rf /home'}.items():\n    os.system(cmd)", CRITICAL),
    ("import os\nfor cmd in ('ls', 'pwd'):\n    os.system(cmd)", SAFE),
    # objects keep what they were made with
    (
        "import shutil\nclass Cleaner:\n    def __init__(self, root):\n        self.root = root\n    def go(self):\n"
        "        shutil.rmtree(self.root)\nCleaner('/home').go()",
        CRITICAL,
    ),
    (
        "import shutil\nfrom dataclasses import dataclass\n@dataclass\nclass Settings:\n    root: str = '/'\n"
        "def go(settings: Settings):\n    shutil.rmtree(Settings().root)\ngo(Settings())",
        CRITICAL,
    ),
    # a function counts with the values with which it is called, and by itself only if nothing calls it
    ("import shutil\ndef clear(path):\n    shutil.rmtree(path)\nclear('build')", MEDIUM),
    ("import shutil\ndef clear(path):\n    shutil.rmtree(path)", HIGH),
    ("import shutil\ndef clear(path):\n    shutil.rmtree(path)\nclear('build')\nclear(input())", HIGH),
    # dictionaries
    ("import os\nsettings = {'cmd': 'rm -rf /home'}\nos.system(settings['cmd'])", CRITICAL),
    ("import os\nsettings = {'cmd': 'ls'}\nos.system(settings.get('cmd'))", SAFE),
    ("import os\nsettings = {**{'cmd': 'rm -rf /home'}}\nos.system(settings['cmd'])", CRITICAL),
    ("import os\nsettings = {'cmd': 'ls'}\nsettings['cmd'] = 'rm -rf /home'\nos.system(settings['cmd'])", CRITICAL),
    ("import os\nsettings = {'cmd': 'ls'}\nsettings.update(cmd=input())\nos.system(settings['cmd'])", HIGH),
    ("import os\na = {'cmd': 'ls'}\nb = a\nb['cmd'] = 'rm -rf /home'\nos.system(a['cmd'])", HIGH),
    ("import subprocess\nargv = ['ls', '/']\nargv[0] = 'rm'\nsubprocess.run(argv + ['-rf'])", CRITICAL),
    ("import subprocess\nsubprocess.run(**{'args': ['rm', '-rf', '/home']})", CRITICAL),
    # a file that was read before is there, and is replaced
    ("from pathlib import Path\np = Path('a.txt')\np.write_text(p.read_text().upper())", MEDIUM),
    ("from pathlib import Path\nPath('b.txt').write_text(Path('a.txt').read_text())", LOW),
    ("import os, shutil\nfor name in os.listdir('.'):\n    shutil.move(name, 'old')", HIGH),
    ("import os, shutil\nfor name in os.listdir('.'):\n    if name.endswith('.log'):\n"
     "        shutil.move(name, 'old')", MEDIUM),
    ("import tarfile, tempfile\nwith tempfile.TemporaryDirectory() as d:\n    tarfile.open('a').extractall(d)", LOW),
    # classes of the standard library
    ("import ast\nclass V(ast.NodeVisitor):\n    def visit_Call(self, node):\n        self.generic_visit(node)\n"
     "V().visit(ast.parse('x'))", SAFE),
    ("print(sorted(map('/'.join, [('a', 'b')])))", SAFE),
    # modules that have not been read, by the names of what is called
    ("from shop.database import Base, engine\nBase.metadata.drop_all(engine)", CRITICAL),
    ("from shop.database import Base\nprint(Base.metadata.tables)", MEDIUM),
    ("from shop.models import User\nUser.objects.all().delete()", CRITICAL),
    ("from shop.models import User\nUser.objects.get(id=5).delete()", MEDIUM),
    # rows through a mapper, and parameters of SQL
    (
        "from sqlalchemy import create_engine\nfrom sqlalchemy.orm import Session\n"
        "with Session(create_engine('sqlite://')) as s:\n    s.get(User, 5).name = 'x'\n    s.commit()", MEDIUM,
    ),
    (
        "from sqlalchemy.orm import Session\ns = Session(engine)\nfor user in s.scalars(query):\n"
        "    user.active = False\ns.commit()", HIGH,
    ),
    ("import pymysql\npymysql.connect().cursor().execute('UPDATE a SET b = %s WHERE id = %s', (1, 2))", MEDIUM),
    ("import psycopg\npsycopg.connect('').execute('DELETE FROM a WHERE id = %(id)s', {'id': 5})", MEDIUM),
]  # fmt: skip


def test_values_that_hold_themselves_again_and_again_are_read_in_time():
    text = "d = {'a': 'x'}\n" + "d = {'k': d, 'j': d}\n" * 60 + "e = ['a']\n" + "e = [e, e]\n" * 60
    text += "import json, os\nprint(json.dumps(d), e)\nd['x'] = 1\nos.system('rm -rf /home')\n"
    start = time.thread_time()
    assert level(text)[0] is CRITICAL
    assert time.thread_time() - start < 1


def test_a_long_text_within_loops_is_read_in_time():
    text = "import os\nfor x in ('a', 'b', 'c'):\n    for y in ('a', 'b', 'c'):\n" + "        os.remove(x)\n" * 3_000
    start = time.thread_time()
    assert level(text)[0] is not SAFE
    assert time.thread_time() - start < 1.5


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[case[0][:70] for case in CASES])
def test_values_decide_the_level(text, expected):
    found, why = level(text)
    assert found is expected, why
