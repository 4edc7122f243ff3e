"""Imports: which names they bind, and whether they run code of the project."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from tree_sitter import Node

from app.risk.effects import DOWNLOADED
from app.risk.python.nodes import text
from app.risk.python.tables import KNOWN_PACKAGES, PURE
from app.risk.python.values import Value
from app.risk.reading import Reading
from app.risk.rules import declare
from assent.contracts import RiskLevel

IMPORTS = declare(
    "python.import", RiskLevel.MEDIUM, "Imports a module that has not been read; importing runs it.",
    "import shop.reports", "import json", language="python", unread=True,
)  # fmt: skip


def import_names(node: Node, reading: Reading, downloaded: set[str]) -> Iterator[tuple[str, Value]]:
    """Return the names that an import statement binds, and add a finding if it runs unknown code.

    Args:
        downloaded: Paths of files that were downloaded before.
    """
    line = int(node.start_point[0]) + 1
    module_node = node.child_by_field_name("module_name")
    module = text(module_node)
    for part in node.children_by_field_name("name") or []:
        alias = part.child_by_field_name("alias")
        name = text(part.child_by_field_name("name") if part.type == "aliased_import" else part)
        qualified = f"{module}.{name}" if module_node is not None else name
        note_import(module or name, line, reading, downloaded)
        if alias is not None:
            yield text(alias), Value(name=canonical(qualified))
        elif module_node is not None:
            yield name, Value(name=canonical(qualified))
        else:
            yield name.split(".")[0], Value(name=name.split(".")[0])
    if module_node is not None and any(part.type == "wildcard_import" for part in node.children):
        note_import(module, line, reading)
        for name in _STAR.get(module, "").split():
            yield name, Value(name=f"{module}.{name}")


_STAR = {
    "os": "system popen remove unlink rmdir rename listdir walk environ path getcwd chmod chown kill execv execvp fork "
    "dup2",
    "subprocess": "run call check_call check_output Popen getoutput getstatusoutput PIPE",
    "shutil": "rmtree move copy copyfile copytree", "socket": "socket create_connection", "pathlib": "Path",
    "ctypes": "CDLL cdll windll", "pickle": "load loads", "urllib.request": "urlopen urlretrieve",
}  # fmt: skip
"""Names that ``from module import *`` binds, as far as they matter."""


def note_import(module: str, line: int, reading: Reading, downloaded: Collection[str] = ()) -> None:
    """Add a finding if importing a module runs code that is not known."""
    top = module.split(".")[0]
    if any(re.search(rf"(?:^|/){re.escape(top)}(?:\.py|/|$)", path) for path in downloaded):
        reading.add(DOWNLOADED, f"This imports {module[:60]}, which was downloaded before.", line)
    elif module.startswith(".") or (top not in PURE and top not in KNOWN_PACKAGES and module not in PURE):
        reading.add(IMPORTS, f"This imports {module[:60]}, which has not been read: importing runs it.", line)


SAME = {
    "six.moves.urllib.request": "urllib.request", "urllib2": "urllib.request", "cPickle": "pickle", "_pickle": "pickle",
    "posix": "os", "nt": "os", "posixpath": "os.path", "ntpath": "os.path", "commands": "subprocess",
    "pathlib2": "pathlib",
    "cffi": "ctypes", "torch.serialization": "torch", "ruamel.yaml": "yaml", "simplejson": "json",
    "__builtin__": "builtins",
}  # fmt: skip
"""The usual names of modules that have several."""


def canonical(name: str) -> str:
    """Return the usual name of what has several: ``os.remove`` for ``posix.remove``."""
    for other, usual in SAME.items():
        if name == other or name.startswith(f"{other}."):
            return usual + name[len(other) :]
    return name


CONVENTIONS = {"pd": "pandas", "np": "numpy", "plt": "matplotlib.pyplot", "sns": "seaborn", "dbutils": "dbutils"}
"""What names stand for that a text does not define, such as a cell of a notebook whose first cell imports them."""
