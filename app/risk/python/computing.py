"""Functions of Python that compute, and those that show what they are given."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from app.risk.python.decorations import MOCK, PATCH
from app.risk.python.values import ANY, Value, decoded_by, held_by, or_default, rendered
from app.risk.rules import declare
from app.risk.words import UNKNOWN
from assent.contracts import RiskLevel

if TYPE_CHECKING:
    from app.risk.python.calls import Call

from app.risk.python.functions import function

PRINTS_SECRETS = declare(
    "python.prints_secrets", RiskLevel.HIGH, "Shows environment variables, which often hold secrets.",
    "import os\nprint(os.environ)", "import os\nprint(os.environ['LANG'])", language="python",
)  # fmt: skip


@function(
    [
        "builtins.str",
        "builtins.bytes",
        "builtins.bytearray",
        "builtins.repr",
        "os.fsencode",
        "os.fsdecode",
        "textwrap.dedent",
    ]
)
def _text(made: Call) -> Value:
    value = made.argument(0)
    if value.items is not None and all(item.number is not None for item in value.items):
        return Value("".join(chr(item.number & 0x10FFFF) for item in value.items if item.number is not None))
    return replace(value, kind="", name="") if value.text is not None else Value(marks=value.marks)


@function(["builtins.chr"])
def _chr(made: Call) -> Value:
    number = made.argument(0).number
    return Value(chr(number)) if number is not None and 0 <= number < 0x110000 else ANY


@function(["builtins.ord"])
def _ord(made: Call) -> Value:
    value = made.argument(0)
    return Value(number=ord(value.text)) if value.text and len(value.text) == 1 else ANY


@function(["builtins.int"])
def _int(made: Call) -> Value:
    value, base = made.argument(0), made.argument(1, "base").number or 10
    try:
        return Value(number=int(value.text, base)) if value.text and value.known else value
    except ValueError:
        return ANY


@function(["builtins.reversed", "builtins.sorted", "builtins.list", "builtins.tuple", "builtins.set", "builtins.iter"])
def _sequence(made: Call) -> Value:
    value = made.argument(0)
    flip = made.shown.startswith("reversed")
    if value.known and value.kind != "pathlib.Path" and not value.glob:
        letters = tuple(Value(char, marks=value.marks) for char in (value.text or "")[:200])
        return Value(items=letters[::-1] if flip else letters)
    if value.fields is not None:
        return Value(items=tuple(Value(key) for key, _ in value.fields), marks=value.marks)
    if value.items is not None and flip:
        return replace(value, items=value.items[::-1])
    return replace(value, name="")


@function(["builtins.enumerate", "builtins.zip"])
def _pairs(made: Call) -> Value:
    from app.risk.python.flow import element

    parts = [element(value) for value in made.arguments]
    pair = Value(items=(Value(), *parts)) if made.shown.startswith("enumerate") else Value(items=tuple(parts))
    return Value(items=(pair,))


@function(["argparse.ArgumentParser.add_argument", "optparse.OptionParser.add_option"])
def _option(made: Call) -> Value:
    """Note an option of the command line: it is its default, or whatever is given."""
    names = [value.text for value in made.arguments if value.text]
    long = next((name for name in names if name.startswith("--")), names[0] if names else "")
    name = made.keywords["dest"].text if "dest" in made.keywords else long.lstrip("-").replace("-", "_")
    default = made.keywords.get("default", ANY)
    kind = "pathlib.Path" if made.keywords.get("type", ANY).name == "pathlib.Path" else ""
    if name and (default.text is not None or kind):
        made.evaluator.options[name] = replace(or_default(replace(default, kind=kind)), kind=kind)
    return ANY


@function(["argparse.ArgumentParser.parse_args", "optparse.OptionParser.parse_args"])
def _options(made: Call) -> Value:
    return Value(kind="argparse.Namespace")


@function(["typer.Option", "typer.Argument", "click.prompt", "fastapi.Query", "builtins.input"])
def _given(made: Call) -> Value:
    return or_default(made.argument(0 if made.method in ("Option", "Argument") else 1, "default"))


@function(["unittest.mock.patch", "mock.patch"])
def _patch(made: Call) -> Value:
    real = set(made.keywords) - {"return_value", "autospec", "spec", "create"} or len(made.arguments) > 1
    return Value(kind=MOCK) if real else Value(made.argument(0, "target").text, kind=PATCH)


@function(["unittest.mock.patch.object", "mock.patch.object"])
def _patch_attribute(made: Call) -> Value:
    real = set(made.keywords) - {"return_value", "autospec", "spec", "create"} or len(made.arguments) > 2
    owner, name = made.argument(0, "target").name, made.argument(1, "attribute")
    return Value(f"{owner}.{name.text}", kind=PATCH) if owner and name.known and not real else Value(kind=MOCK)


@function(["builtins.map", "builtins.filter"])
def _map(made: Call) -> Value:
    from app.risk.python.calls import called
    from app.risk.python.flow import element

    source = made.argument(1)
    callee, results = made.argument(0), []
    if callee == ANY and re.match(r"\w*map\(\s*[^,(]*\.(?:join|strip|lower|upper|format|get|split)\s*,", made.shown):
        return Value(marks=source.marks)
    if made.shown.startswith("filter"):
        return source
    rounds = source.items if source.items is not None and len(source.items) <= 200 else (element(source),)
    made.evaluator.loops += 1
    for item in rounds:
        results.append(called(made.handed([item], callee), callee))
    made.evaluator.loops -= 1
    return Value(items=tuple(results)) if source.items is not None else ANY


@function(["codecs.decode", "codecs.encode"])
def _codec(made: Call) -> Value:
    codec = made.argument(1, "encoding")
    return decoded_by(made.argument(0), codec.text or "") if codec.known else made.argument(0)


@function(["os.getenv", "os.environ.get", "os.environ.pop", "os.environ.setdefault", "os.putenv", "os.environb.get"])
def _environment(made: Call) -> Value:
    from app.risk.python.expressions import assign_element, environment

    if made.method in ("putenv", "setdefault"):
        assign_element(made.evaluator, Value(name="os.environ"), made.argument(0), made.argument(1), made.line)
    return environment(made.evaluator, made.argument(0), made.argument(1, "default"))


@function(["os.environ.items", "os.environ.values", "os.environ.copy", "builtins.dict"])
def _whole_environment(made: Call) -> Value:
    from app.risk.python.expressions import assign_element, is_environment

    whole = Value(kind="os.environ", marks=frozenset({"secret"}))
    if made.base.name == "os.environ" or made.shown.startswith("environ."):
        return whole if made.method == "copy" else replace(whole, kind="")
    if any(is_environment(value) for value in made.arguments):
        for name, value in made.keywords.items():
            assign_element(made.evaluator, whole, Value(name), value, made.line)
        return whole
    return Value(kind="dict", marks=made.marks, held=held_by([*made.arguments, *made.keywords.values()]))


@function(["builtins.print", "pprint.pprint", "json.dumps", "json.dump", "logging.info", "logging.debug"])
def _print(made: Call) -> Value:
    shows = any(value.name == "os.environ" or not value.text for value in made.arguments)
    if "credential" in made.marks and made.method in ("print", "pprint", "info", "debug"):
        made.reading.add(PRINTS_SECRETS, "This shows a secret that an environment variable holds.", made.line)
    if "secret" in made.marks and shows and "file" not in {value.kind for value in made.arguments}:
        made.reading.add(PRINTS_SECRETS, "This shows secrets, such as those in environment variables.", made.line)
    value = made.argument(0)
    if made.method == "dumps" and (value.fields is not None or value.items is not None):
        return Value(rendered(value), marks=made.marks)
    return Value(marks=made.marks)


@function(["shlex.split"])
def _split(made: Call) -> Value:
    value = made.argument(0)
    if value.text is None or not value.known or "comments" in made.keywords:
        return Value(marks=value.marks)
    try:
        words = shlex.split(value.text[:_LONGEST_SPLIT])
    except ValueError:
        return Value(marks=value.marks)
    return Value(items=tuple(Value(word, marks=value.marks) for word in words), marks=value.marks)


_LONGEST_SPLIT = 10_000


@function(["shlex.quote", "pipes.quote", "shlex.join"])
def _quote(made: Call) -> Value:
    value = made.argument(0)
    return value if value.known else Value(UNKNOWN, marks=value.marks | {"quoted"})
