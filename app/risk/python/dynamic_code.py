"""Functions of Python that run code: texts, files, modules, serialized objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.risk.effects import (
    DOWNLOADED,
    DYNAMIC,
    HIDDEN,
    run_dynamic,
    run_unread,
)  # fmt: skip
from app.risk.python import expressions, guards, tables
from app.risk.python.imports import note_import
from app.risk.python.values import ANY, Value
from app.risk.rules import declare
from assent.contracts import RiskLevel

if TYPE_CHECKING:
    from app.risk.python.calls import Call

from app.risk.python.files import open_file
from app.risk.python.functions import function

IMPORTS_FROM = declare(
    "python.import_path", RiskLevel.MEDIUM, "Changes where modules are imported from.",
    "import sys\nsys.path.insert(0, '/tmp')", "import sys\nprint(sys.path)", language="python", unread=True,
)  # fmt: skip
LOADS = declare(
    "python.loads_code", RiskLevel.HIGH, "Loads a file or data that can contain code, which then runs.",
    "import pickle\npickle.load(open('x.pkl', 'rb'))", "import json\njson.load(open('x.json'))", language="python",
    unread=True,
)  # fmt: skip


@function(tables.EVALUATES)
def _evaluate(made: Call) -> Value:
    value = made.argument(0, "source", "code", "statement")
    if value.kind == "builtins.compile" or value.name.startswith("own."):
        return ANY  # reading it was part of compiling or defining it
    run_code(made, value, "python")
    return Value(kind="builtins.compile") if made.shown.startswith("compile") else ANY


def run_code(made: Call, value: Value, language: str) -> None:
    """Read a text that is run as code."""
    if "download" in value.marks:
        made.reading.add(DOWNLOADED, "This runs code as it is downloaded.", made.line)
        return
    if "decoded" in value.marks:
        made.reading.add(HIDDEN, "This decodes hidden code and runs it.", made.line)
    if value.known:
        made.reading.read(language, value.text or "", made.line, fixed=True)
    elif "decoded" not in value.marks:
        made.evaluator.note_given_run(made.line)
        made.reading.add(DYNAMIC, "The code that this runs is known only when it runs.", made.line)


@function(tables.RUNS_FILE)
def _run_file(made: Call) -> Value:
    place = 1 if made.method in ("spec_from_file_location", "SourceFileLoader", "load_source") else 0
    path = made.argument(place, "path_name", "mod_name", "location", "path")
    if path.text and path.text in made.evaluator.downloaded:
        made.reading.add(DOWNLOADED, f"This runs {path.text}, which was downloaded before.", made.line)
    else:
        run_unread(made.reading, made.word(path))
    return ANY


@function(tables.LOADS_CODE)
def _load_code(made: Call) -> Value:
    of_numpy = "numpy.load" in made.shown or "np.load(" in made.shown
    if of_numpy and ("allow_pickle" not in made.keywords or made.is_false("allow_pickle")):
        return open_file(made)
    given = made.argument(0, "f", "file", "filename")
    if given.text and given.text in made.evaluator.downloaded:
        made.reading.add(DOWNLOADED, f"This loads {given.text[:60]}, which was downloaded, and runs it.", made.line)
        return ANY
    if "torch.load" in made.shown and "weights_only=True" in made.shown.replace(" ", ""):
        return ANY
    level = RiskLevel.CRITICAL if made.marks & {"download", "decoded"} else None
    made.reading.add(LOADS, "This runs whatever code its data contains.", made.line, level)
    return Value(kind="shelve.Shelf") if "shelve" in made.shown else ANY


@function(tables.TIMES)
def _time(made: Call) -> Value:
    for value in [*made.arguments[:2], *[made.keywords[name] for name in ("stmt", "setup") if name in made.keywords]]:
        if not value.name.startswith("own."):
            run_code(made, value, "python")
    return ANY


@function(["yaml.load", "yaml.load_all"])
def _load_yaml(made: Call) -> Value:
    if "SafeLoader" not in made.shown and "BaseLoader" not in made.shown:
        made.reading.add(LOADS, "This can run code that the YAML contains.", made.line)
    return Value(marks=made.marks)


@function(["builtins.__import__", "importlib.import_module", "importlib.__import__"])
def _import(made: Call) -> Value:
    name = made.argument(0, "name")
    if not name.known:
        run_dynamic(made.reading, made.word(name), made.line)
        return ANY
    note_import(name.text or "", made.line, made.reading, made.evaluator.downloaded)
    whole = "import_module" in made.shown or "fromlist" in made.shown
    return Value(name=(name.text or "") if whole else (name.text or "").split(".")[0])


@function(["builtins.getattr", "inspect.getattr_static", "operator.attrgetter", "operator.methodcaller"])
def _getattr(made: Call) -> Value:
    if "methodcaller" in made.shown:
        return Value(made.argument(0).text, kind="operator.methodcaller", items=tuple(made.arguments[1:]))
    if len(made.arguments) == 1:
        return ANY
    base, name = made.argument(0), made.argument(1)
    if name.known:
        return expressions.attribute(made.evaluator, base, name.text or "", made.line)
    if base.name and not base.name.startswith("own."):
        return Value(kind="reflected")
    return Value(marks=base.marks)


@function(["builtins.globals", "builtins.locals", "builtins.vars"])
def _namespace(made: Call) -> Value:
    base = made.argument(0)
    return base if base.name else Value(name="builtins")


@function(["builtins.setattr", "builtins.delattr"])
def _setattr(made: Call) -> Value:
    base, name = made.argument(0), made.argument(1)
    if base.name and not base.name.startswith("own."):
        guards.patch(made.evaluator, base.name, name.text or "", made.argument(2), made.line)
    return ANY


@function(["sys.path.insert", "sys.path.append", "sys.path.extend", "sys.meta_path.insert"])
def _change_path(made: Call) -> Value:
    path = made.argument(1 if made.method == "insert" else 0)
    made.reading.add(IMPORTS_FROM, "This changes where modules are imported from.", made.line)
    if path.text and any(path.text == one or path.text.startswith(f"{one}/") for one in made.evaluator.downloaded):
        made.reading.add(DOWNLOADED, f"Modules are imported from {path.text[:60]}, which was downloaded.", made.line)
    return ANY


@function(["jinja2.Template", "mako.template.Template"])
def _template(made: Call) -> Value:
    if not made.argument(0).known:
        made.reading.doubt()
    return Value(kind="jinja2")
