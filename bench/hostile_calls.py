"""Hostile calls: the largest, deepest, and strangest that a person, an agent, or a hook may send."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.reading import hostile

MOST = 1_990_000
HOOK = "/api/v1/hooks/claude-code?again=true"


@dataclass
class Call:
    """One hostile call.

    Attributes:
        path: with `{id}` for the request that `about` makes.
        about: the body that opens the request which the call is about; None: it is about none.
        signed: with the session of a person, as pages are called, instead of an agent's token.
        hooked: with a token that may only request approval, as hooks of coding agents are called.
    """

    name: str
    path: str
    body: Any = None
    about: dict[str, Any] | None = None
    method: str = "POST"
    signed: bool = False
    hooked: bool = False
    form: bool = False
    headers: dict[str, str] = field(default_factory=dict)


def script(content: str, **more: Any) -> dict[str, Any]:
    """The body that opens a request about a script."""
    return {"proposal": {"kind": "script", "title": "A script", "language": "sql", "content": content} | more}


def tool(args: Any, **more: Any) -> dict[str, Any]:
    """The body that opens a request about a tool call."""
    return {"proposal": {"kind": "tool_call", "title": "A call", "tool": "run", "args": args} | more}


def hook(command: str) -> dict[str, Any]:
    """A coding agent's call of its shell, as its hook sends it."""
    return {
        "hook_event_name": "PreToolUse", "session_id": "bench", "cwd": "/srv/work", "tool_name": "Bash",
        "tool_input": {"command": command}, "tool_use_id": hashlib.sha256(command.encode()).hexdigest()[:20],
    }  # fmt: skip


def question(schema: Any) -> dict[str, Any]:
    """The body that opens a request about a question."""
    return {"proposal": {"kind": "question", "title": "A question", "question": "?", "answer_schema": schema}}


def plan_of(count: int, text: str) -> dict[str, Any]:
    """A plan in which each step needs all steps before it."""
    steps = [
        {
            "id": f"s{number}", "title": "x", "tool": "t@1", "effect": "read", "gated": False,
            "needs": [f"s{earlier}" for earlier in range(number)], "inputs": {"text": text if number else ""},
        }
        for number in range(count)
    ]  # fmt: skip
    return {"proposal": {"kind": "plan", "title": "A plan", "steps": steps}}


def custom(data: Any, schema: Any = None) -> dict[str, Any]:
    """The body that opens a request about data."""
    return {"proposal": {"kind": "custom", "title": "Data", "data": data, "data_schema": schema}}


def deep(levels: int, inside: Any = 1) -> Any:
    """Return a list in a list, and so on."""
    for _ in range(levels):
        inside = [inside]
    return inside


def doubled(levels: int) -> dict[str, Any]:
    """A short schema that applies 2 ** levels times to a value that is nested as deeply."""
    definitions: dict[str, Any] = {"a0": {"type": "string"}}
    for level in range(1, levels):
        below = {"properties": {"x": {"$ref": f"#/$defs/a{level - 1}"}}}
        definitions[f"a{level}"] = below | {"allOf": [below]}
    return {"$defs": definitions, "$ref": f"#/$defs/a{levels - 1}"}


def inside(levels: int) -> Any:
    """An object in an object."""
    value: Any = 1
    for _ in range(levels):
        value = {"x": value}
    return value


def policy(rules: int, condition: str) -> str:
    """A policy's text."""
    return "version: 1\nrules:\n" + "".join(
        f"  - name: Rule {number}\n    when: {condition.replace('#', str(number))}\n    deadline: 1 h\n"
        for number in range(rules)
    )


def sql_texts(size: int) -> dict[str, str]:
    """Statements that are hard to assess, by what they are."""
    return {
        "select ((((": "select " + "(" * size,
        "a[1][1]…": "select a" + "[1]" * (size // 3),
        "select 1; …": "select 1;\n" * (size // 10),
        "values (…)": "insert into t values " + ",".join(["(1,2)"] * (size // 6)),
        "and … and": "select 1 where " + " and ".join(["a=1"] * (size // 8)),
        "case when …": "select " + "case when a then " * (size // 17),
        "union …": " union ".join(["select 1"] * (size // 16)),
        "joins": "select * from t " + "join t using(a) " * (size // 16),
        "a::int::int…": "select a" + "::int" * (size // 5),
        "plpgsql": "do $$ begin " + "execute 'select 1'; " * (size // 20) + "end $$",
        "quotes": "'" * size,
        "one line": "-" * size,
    }


def secret_texts(size: int) -> dict[str, str]:
    """Texts that are hard to mask."""
    bits = {
        "words": "lorem ipsum ", "passwords": "password=aB3dE5fG7h ", "addresses": "://x:y@z ", "keys": "eyJhbGciOi.",
        "begins": "-----BEGIN RSA PRIVATE KEY-----", "tokens": "⟦secret:token:1⟧", "cookies": "cookie: a=b; ",
        "blanks": " ", "one letter": "a", "percent": "%2570%2561", "base64": "cGFzc3dvcmQ9", "colons": ":" * 9,
    }  # fmt: skip
    return {name: (bit * (size // len(bit) + 1))[:size] for name, bit in bits.items()}


def opening() -> Iterator[Call]:
    """Requests that are opened."""
    path = "/api/v1/approvals"
    many = {f"k{number}": number for number in range(110_000)}
    yield Call("open: 110,000 arguments", path, tool(many))
    yield Call("open: 40,000 arguments", path, tool({f"k{number}": f"text {number}" for number in range(40_000)}))
    yield Call("open: 2,500 arguments", path, tool({f"k{number}": number for number in range(2_500)}))
    yield Call("open: 50,000 labels", path, script("select 1", labels={f"l{number}": "x" for number in range(50_000)}))
    yield Call("open: 200,000 entries", path, custom([number % 10 for number in range(600_000)]))
    yield Call("open: nested 5,000 deep", path, custom(deep(50)))
    for language, name, text in hostile(1_000_000):
        yield Call(f"open: 1 MB of {language}, {name}", path, script(text, language=language))
    for language, name, text in hostile(20_000):
        yield Call(f"open: 20,000 characters of {language}, {name}", path, script(text, language=language))
    for language, name, text in hostile(20_000):
        page = script(text, language=language)
        yield Call(f"page: 20,000 characters of {language}, {name}", "/requests/{id}", None, page, "GET", signed=True)
    for language, name, text in hostile(60_000):
        if language in ("shell", "python"):
            command = text if language == "shell" else f"python3 - <<'END'\n{text}\nEND"
            yield Call(f"hook: 60,000 characters of {language}, {name}", HOOK, hook(command), hooked=True)
    for name, text in sql_texts(1_900_000).items():
        yield Call(f"open: 1.9 MB of SQL, {name}", path, script(text))
    for size in (20_000, 2_300):
        for name, text in sql_texts(size).items():
            yield Call(f"open: {size:,} characters of SQL, {name}", path, script(text))
    for name, text in sql_texts(20_000).items():
        yield Call(f"open: SQL among arguments, {name}", path, tool({"query": text}))
    for name, text in secret_texts(600_000).items():
        yield Call(f"open: 600,000 characters to mask, {name}", path, custom([text]))
    for name, text in secret_texts(30_000).items():
        yield Call(f"open: 30,000 characters to mask, {name}", path, custom([text]))
    properties = {f"p{number}": {"type": "string", "pattern": "^(a+)+$"} for number in range(20_000)}
    yield Call("open: schema of 20,000 properties", path, question({"properties": properties}))
    yield Call("open: schema, ^(a+)+$", path, question({"pattern": "^(a+)+$"}))
    yield Call("open: schema, doubled", path, question(doubled(60)))
    yield Call("open: schema, enum of 49,000", path, question({"enum": list(range(49_000))}))
    yield Call("open: schema, $ref", path, question({"$ref": "http://10.255.255.1/schema"}))
    calls = [{"id": f"{number}", "tool": "t", "args_schema": doubled(20)} for number in range(100)]
    yield Call("open: 100 calls", path, {"proposal": {"kind": "tool_calls", "title": "Calls", "calls": calls}})
    items = [{"id": f"{number}", "title": "x", "statement": "select 1 from a join b using(c)"} for number in range(500)]
    body = {"proposal": {"kind": "optimizations", "title": "Many", "items": items}}
    yield Call("open: 500 items", path, body)
    yield Call("open: 30,000 items", path, {"proposal": {"kind": "optimizations", "title": "x", "items": items * 35}})
    for words, text in (("100 steps", "x"), ("30,000 references", "${s0.x} " * 300)):
        plan = plan_of(100, text)
        yield Call(f"open: a plan of {words}", path, plan)
        yield Call(f"page: a plan of {words}", "/requests/{id}", None, plan, "GET", signed=True)
    yield Call("open: a body that is no JSON", path, "[" * MOST)
    yield Call("open: one number of 2 MB", path, "9" * MOST)
    yield Call("open: one string of 2 MB", path, '"' + "\\u0000" * (MOST // 6) + '"')
    yield Call("open: 2 MB without a token", path, tool(many), headers={"Authorization": ""})


def deciding() -> Iterator[Call]:
    """Requests that are viewed and decided."""
    decide, preview, page = "/api/v1/approvals/{id}/decisions", "/api/v1/approvals/{id}/preview", "/requests/{id}"
    plain = script("select 1")
    for name, text in sql_texts(900_000).items():
        yield Call(f"preview: 900 kB of SQL, {name}", preview, {"change": {"content": text}}, plain)
    yield Call("decide: 900 kB of SQL", decide, change({"content": "select 1;\n" * 90_000}), plain)
    yield Call("decide: secrets", decide, change({"content": "password=aB3dE5fG7h " * 45_000}), plain)
    lines = "\n".join(f"-- line {number % 7}" for number in range(1_900))
    yield Call("page: a form with 1,900 lines", f"{page}/preview", {"content": lines[::-1], "fields": "1"},
               script(lines), signed=True, form=True)  # fmt: skip
    yield Call("page: a form of 2 MB", f"{page}/decisions", {"content": "x\n" * 400_000}, plain, signed=True, form=True)
    fields = {f"f{number}": "x" for number in range(100_000)}
    yield Call("page: a form of 100,000 fields", f"{page}/decisions", fields, plain, signed=True, form=True)
    big = script("select 1;\n" * 170_000)
    yield Call("page: a script of 1.9 MB", page, None, big, "GET", signed=True)
    yield Call("fetch: a script of 1.9 MB", "/api/v1/approvals/{id}", None, big, "GET")
    yield Call("wait: a script of 1.9 MB", "/api/v1/approvals/{id}/outcome?wait=1", None, big, "GET")
    yield Call("comment: on a script of 1.9 MB", "/api/v1/approvals/{id}/comments", {"comment": "So be it."}, big)
    yield Call("decide: on a script of 1.9 MB", decide, {"verdict": "approve", "digest": "DIGEST"}, big)
    for size in (40_000, 10_000, 2_000):
        wide = tool({f"k{number}": f"text {number}" for number in range(size)})
        yield Call(f"page: {size:,} arguments", page, None, wide, "GET", signed=True)
        yield Call(f"fetch: {size:,} arguments", "/api/v1/approvals/{id}", None, wide, "GET")
    for name, bit in {"semicolons": ";", "lines": "\n", "comments": "/**/", "here-documents": "cat <<EOF\n"}.items():
        text = bit * (60_000 // len(bit)) + "x"
        hostile_call = tool({"query": text, "code": text, "body": text})
        yield Call(f"page: arguments of 60,000 characters, {name}", page, None, hostile_call, "GET", signed=True)
    long = script("".join(f"-- {number}\n" for number in range(25_000)))
    yield Call("page: a script of 25,000 lines", page, None, long, "GET", signed=True)
    answers: dict[str, tuple[Any, Any]] = {
        "^(a+)+$": ({"pattern": "^(a+)+$"}, "a" * 900_000 + "!"),
        "a pattern of many repeats": ({"pattern": r"([\w]{1,100}){1,9}!$"}, "a" * 900_000),
        "doubled": (doubled(60), inside(55)),
        "uniqueItems": ({"uniqueItems": True}, [{"a": number} for number in range(60_000)]),
        "enum": ({"items": {"enum": list(range(10_000))}}, [-1] * 200_000),
        "unevaluated": ({"unevaluatedProperties": False}, {f"{number}": 1 for number in range(60_000)}),
        "a list of objects": ({"items": {"properties": {"a": {"type": "integer"}}}}, [{"a": 1}] * 200_000),
        "a list of the wrong kind": ({"items": {"type": "string"}}, list(range(200_000))),
        "4,000 times the wrong kind": ({"allOf": [{"type": "string"}] * 4_000}, list(range(200_000))),
    }
    for name, (schema, answer) in answers.items():
        body = {"verdict": "answer", "digest": "DIGEST", "answer": answer}
        yield Call(f"answer: {name}", decide, body, question(schema))
    fan = {f"d{level}": {"type": "object", "properties": {f"p{at}": {"$ref": f"#/$defs/d{level + 1}"}
                                                        for at in range(100)}} for level in range(5)}  # fmt: skip
    schema = {"$defs": fan | {"d5": {"type": "string"}}, "$ref": "#/$defs/d0"}
    yield Call("page: a form of definitions that refer to each other", page, None, question(schema), "GET", signed=True)
    yield Call("page: a choice of 49,000", page, None, question({"enum": list(range(49_000))}), "GET", signed=True)


def change(change: Any) -> dict[str, Any]:
    """A decision that changes the proposal."""
    return {"verdict": "modify", "digest": "DIGEST", "change": change, "acknowledged_risk": "critical"}


def others() -> Iterator[Call]:
    """Everything else that takes a body or a query."""
    tests = {
        "499 × matches": policy(499, "workflow.matches('(a+)+#$') && node.matches('(x|y)*#')"),
        "5,000 rules": policy(5_000, "workflow == 'w#'"),
        "400 rules": policy(400, "workflow == 'w#'"),
        "one condition of 300 kB": policy(1, " || ".join(["workflow == 'a'"] * 17_000)),
        "brackets": "a: " + "[" * 900_000,
        "aliases": "a: &a [x]\n" + "".join(f"b{number}: &b{number} [*a, *a]\n" for number in range(5_000)),
        "900 kB of text": "a: '" + "x" * 900_000 + "'",
    }
    for name, text in tests.items():
        yield Call(f"policy test: {name}", "/api/v1/policies/test", {"text": text}, signed=True)
        yield Call(f"policy page: {name}", "/policies/test", {"text": text}, signed=True, form=True)
    run = {"workflow": "none", "input": {"a": "x" * 1_900_000}}
    yield Call("run: 1.9 MB of input", "/api/v1/runs", run, signed=True)
    yield Call("run: 200,000 fields", "/api/v1/runs", {"workflow": "none", "input": {str(n): n for n in range(99_999)}})
    yield Call("grants: a pattern", "/api/v1/grants/rehearsal", {"pattern": deep(50), "evidence": ["x"] * 99_999},
               signed=True)  # fmt: skip
    yield Call("absence: 1.9 MB", "/api/v1/absences", {"person": "x" * 1_900_000}, signed=True)
    for path in ("/destinations", "/queue/views", "/queue/marked", "/people", "/profile", "/profile/notifications",
                 "/profile/tokens", "/tokens", "/absences", "/slack/interactions", "/slack/commands", "/sign-in/x",
                 "/decide/x", "/runs/new/none", "/grants/suggestions/x"):  # fmt: skip
        signed = not path.startswith(("/slack", "/sign-in", "/decide"))
        yield Call(f"{path}: 100,000 fields", path, {f"f{n}": "x" for n in range(99_999)}, signed=signed, form=True)
        yield Call(f"{path}: one field of 750 kB", path, {"payload": '{"a":' * 150_000}, signed=signed, form=True)
    for path in ("/queue", "/api/v1/approvals", "/audit", "/api/v1/audit"):
        yield Call(f"{path}: a search", f"{path}?text=" + "%25_" * 60, method="GET", signed=True)
        yield Call(f"{path}: a query of 7,000 characters", f"{path}?" + "&a=" * 2_300, method="GET", signed=True)
    cookie = {"Cookie": "assent_session=" + "a." * 3_500}
    yield Call("cookie of 7,000 characters", "/queue", method="GET", headers=cookie)


CALLS: tuple[Callable[[], Iterator[Call]], ...] = (opening, deciding, others)
