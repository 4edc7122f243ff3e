"""What `assent workflow check` finds of gates and graphs: for each kind what triggers it, and a near miss."""

from __future__ import annotations

import itertools
import textwrap
from pathlib import Path

import pytest

from app.runtime.checks.check import check
from app.runtime.checks.finding import CheckFinding

_NUMBER = itertools.count(1)
HEAD = """
import asyncio
import contextlib
import functools
from contextlib import suppress
from typing import Any, Literal, TypedDict
from langchain_core.language_models import FakeListChatModel
from langgraph.errors import GraphBubbleUp, GraphInterrupt
from langgraph.graph import END, START, StateGraph
from langgraph.types import CachePolicy, Command, Send, interrupt
from pydantic import BaseModel
import assent
from assent import OptimizationItem, Question, Script, Workflow, report_receipt, request_approval, requires_approval

class Input(BaseModel):
    to: str = 'a'

class State(TypedDict, total=False):
    input: dict[str, Any]
    outcome: Any

PROPOSAL = Script(title='Tidy up', language='bash', content='rm x')
brain = FakeListChatModel(responses=['a'])
client = llm = db = None

def asks():
    return request_approval(PROPOSAL)

def asks_plainly():
    return interrupt('Go on?')

def act(state):
    return {}
"""
ASK = """
def ask(state):
    outcome = request_approval(PROPOSAL)
    return {'outcome': outcome.approved}
"""
BUILD = """
def build():
    graph = StateGraph(State)
    graph.add_node('ask', ask)
    graph.add_node('act', act)
    return graph.add_edge(START, 'ask').add_edge('ask', 'act').add_edge('act', END)
"""
END_OF_IT = "\nWORKFLOW = Workflow('tidy_up', '1', 'Tidy up', '', Input, build)\n"


def found(folder: Path, ask: str = ASK, build: str = BUILD) -> list[tuple[str, str, str]]:
    """Code, message, and the text of the line of each finding about a workflow of these parts."""
    file = folder / f"checked_flow_{next(_NUMBER)}.py"
    file.write_text(HEAD + textwrap.dedent(ask) + textwrap.dedent(build) + END_OF_IT)
    lines = file.read_text().splitlines()
    findings: list[CheckFinding] = check(str(file), lambda schema: "")
    assert all(finding.file == str(file.resolve()) for finding in findings)
    return [(finding.code, finding.message, lines[finding.line - 1].strip()) for finding in findings]


def node(*lines: str) -> str:
    """A node of these lines."""
    return "def ask(state):\n" + "".join(f"    {line}\n" for line in lines)


def test_a_sound_workflow_has_no_findings(tmp_path: Path) -> None:
    assert found(tmp_path) == []


GATE = "    ok = request_approval(PROPOSAL).approved"
REST = "return {'outcome': ok}"
SWALLOWS = {
    "except Exception:": node("try:", GATE, "except Exception:", "    ok = True", REST),
    "except:": node("try:", GATE, "except:", "    ok = True", REST),
    "except (ValueError, BaseException) as error:": node(
        "try:", GATE, "except (ValueError, BaseException) as error:", "    ok = str(error)", REST
    ),
    "except GraphInterrupt:": node("try:", GATE, "except GraphInterrupt:", "    ok = True", REST),
    "except Exception as error:": node(
        "try:", GATE, "except Exception as error:", "    raise RuntimeError('no') from error", REST
    ),
    "except Exception:  # in one branch": node(
        "try:", GATE, "except Exception:  # in one branch", "    if state:", "        raise", "    ok = 1", REST
    ),
    "except Exception:  # a helper asks": node(
        "try:", "    ok = asks().approved", "except Exception:  # a helper asks", "    ok = True", REST
    ),
    "except Exception:  # in a helper": (
        "def careful():\n    try:\n        return asks()\n    except Exception:  # in a helper\n        return None\n"
        + node("return {'outcome': careful().approved}")
    ),
    "with suppress(Exception):": node("ok = False", "with suppress(Exception):", GATE, REST),
    "with db, contextlib.suppress(KeyError, Exception):": node(
        "ok = False", "with db, contextlib.suppress(KeyError, Exception):", GATE, REST
    ),
    "return {}": node("try:", GATE, "finally:", "    return {}"),
    "ok = await asyncio.gather(question(), return_exceptions=True)": (
        "async def question():\n    return interrupt('Go on?')\n"
        + "async "
        + node("ok = await asyncio.gather(question(), return_exceptions=True)", REST)
    ),
}
LETS_OUT = [
    node("try:", GATE, "except ValueError:", "    ok = False", REST),
    node("try:", GATE, "except GraphBubbleUp:", "    raise", "except Exception:", "    ok = False", REST),
    node("try:", GATE, "except Exception as error:", "    print(error)", "    raise", REST),
    node("try:", GATE, "except Exception as error:", "    raise error", REST),
    node(
        "try:", GATE, "except Exception as error:", "    if isinstance(error, GraphBubbleUp):", "        raise",
        "    ok = False", REST,
    ),
    node("ok = request_approval(PROPOSAL).approved", "try:", "    act(state)", "except Exception:", "    pass", REST),
    node("with suppress(KeyError):", GATE, REST),
    node("try:", GATE, "finally:", "    print('asked')", REST),
    "async def question():\n    return interrupt('?')\nasync " + node("ok = await asyncio.gather(question())", REST),
]  # fmt: skip


@pytest.mark.parametrize("line", SWALLOWS)
def test_a_swallowed_gate_is_told_where_it_is_caught(tmp_path: Path, line: str) -> None:
    [(code, message, text)] = found(tmp_path, SWALLOWS[line])
    assert (code, text) == ("swallowed", line) and "node 'ask' continues as if people had approved" in message


@pytest.mark.parametrize("ask", LETS_OUT)
def test_what_lets_the_gate_out_is_fine(tmp_path: Path, ask: str) -> None:
    assert found(tmp_path, ask) == []


IGNORED = [
    node("request_approval(PROPOSAL)", "return {}"),
    node("outcome = request_approval(PROPOSAL)", "return {}"),
    node("outcome = request_approval(PROPOSAL)", "return {'outcome': outcome.payload}"),
    node("return {'outcome': request_approval(PROPOSAL).proposal}"),
    node("outcome = asks()", "report_receipt(outcome, 'applied')", "return {}"),
    node("asks()", "return {}"),
    node("outcome = request_approval(PROPOSAL)", "return {'outcome': outcome.model_dump()}"),
    node("outcome = request_approval(PROPOSAL)", "return {'outcome': outcome.model_dump()}")
    + "def act(state):\n    return {'input': frame.apply(state['outcome'])}\n",
]
LOOKED_AT = [
    node("outcome = request_approval(PROPOSAL)", "return {'outcome': outcome.payload if outcome.approved else None}"),
    node("return {'outcome': request_approval(PROPOSAL).verdict}"),
    node("if (outcome := request_approval(PROPOSAL)).approved:", "    print(outcome.payload)", "return {}"),
    node("outcome = asks()", "return {'outcome': outcome.next_action}"),
    node("interrupt('Go on?')", "return {}"),
    node("outcome = request_approval(PROPOSAL)", "return {'outcome': outcome.model_dump()}")
    + "def act(state):\n    return {} if state['outcome']['verdict'] == 'approve' else {'input': {}}\n",
    node("return {'outcome': request_approval(Question(title='Which?', question='Which?')).answer}"),
    "from assent import toolbox\n"
    + node("outcome = request_approval(PROPOSAL)", "return {'outcome': outcome.model_dump()}")
    + "def act(state):\n    return {'input': toolbox.apply(rm, state['outcome']).document}\n",
    "from assent.toolbox import aapply\n"
    + node("outcome = request_approval(PROPOSAL)", "return {'outcome': outcome.model_dump()}")
    + "async def act(state):\n    return {'input': (await aapply(rm, state['outcome'])).document}\n",
]


@pytest.mark.parametrize("ask", IGNORED)
def test_an_outcome_that_nobody_looks_at_is_told(tmp_path: Path, ask: str) -> None:
    [(code, message, text)] = found(tmp_path, ask)
    assert code == "ignored" and "continues even if people reject" in message
    assert "request_approval(" in text or "asks()" in text


@pytest.mark.parametrize("ask", LOOKED_AT)
def test_an_outcome_that_is_looked_at_is_fine(tmp_path: Path, ask: str) -> None:
    assert found(tmp_path, ask) == []


MODEL_CALLS = [
    "said = brain.invoke('What?')", "said = llm.invoke('What?')", "said = state['x'] or llm.ainvoke('What?')",
    "said = client.chat.completions.create(model='x')", "said = client.messages.create(model='x')", "said = think()",
    "said = models.ask(models.Task('plan'), 'What?', otherwise=str).value",
    "said = inquire(models.Task('plan'), 'What?', otherwise=str).value",
]  # fmt: skip
INQUIRE = "from assent import models\nfrom assent.models import ask as inquire\n"
THINK = "def think():\n    return brain.invoke('What?')\n"


@pytest.mark.parametrize("call", MODEL_CALLS)
def test_a_model_call_before_a_gate_is_told(tmp_path: Path, call: str) -> None:
    gate = "return {'outcome': request_approval(Script(title=said, language='bash', content='x')).approved}"
    [(code, message, text)] = found(tmp_path, INQUIRE + THINK + node(call, gate))
    assert (code, text) == ("model", call) and "asks the model again when node 'ask' runs again" in message


def test_a_model_call_before_a_gate_in_a_helper_is_told_there(tmp_path: Path) -> None:
    helper = "def settle():\n    said = brain.invoke('What?')\n    return interrupt(said)\n"
    [(code, _, text)] = found(tmp_path, helper + node("return {'outcome': settle()}"))
    assert (code, text) == ("model", "said = brain.invoke('What?')")


@pytest.mark.parametrize(
    "ask",
    [
        node("ok = request_approval(PROPOSAL).approved", "said = brain.invoke('What?')", REST),
        node("said = brain.invoke('What?')  # assent: idempotent", "return {'outcome': interrupt(said)}"),
        node("brain.bind(stop=['x'])", "return {'outcome': interrupt('?')}"),
        node("client.customers.create('x') if False else None", "return {'outcome': 1}"),
        THINK + "def act(state):\n    return {'outcome': think()}\n" + ASK,
    ],
)
def test_model_calls_elsewhere_are_fine(tmp_path: Path, ask: str) -> None:
    assert found(tmp_path, ask) == []


@pytest.mark.parametrize(
    ("proposal", "name"),
    [
        ("Script(titel='x', title='x', language='bash', content='x')", "titel"),
        ("assent.ToolCall(title='x', tool='rm', arguments={})", "arguments"),
        ("{'kind': 'script', 'title': 'x', 'language': 'bash', 'content': 'x', 'risk': 'low'}", "risk"),
        ("made()", "weight"),
    ],
)
def test_an_unknown_field_of_a_proposal_is_told(tmp_path: Path, proposal: str, name: str) -> None:
    made = "def made():\n    return Script(title='x', language='bash', content='x', weight=3)\n"
    [(code, message, _)] = found(tmp_path, made + node(f"return {{'outcome': request_approval({proposal}).approved}}"))
    assert code == "field" and f"has no field {name!r}" in message


def test_known_fields_and_other_models_are_fine(tmp_path: Path) -> None:
    proposal = "Script(title='x', language='bash', content='x', **state['more'])"
    lines = ("Input(whatever=1)", f"return {{'outcome': request_approval({proposal}).approved}}")
    assert found(tmp_path, node(*lines)) == []
    document = "{'kind': 'script', 'title': 'x', 'language': 'bash', 'content': 'x', 'risk_floor': 'low'}"
    assert found(tmp_path, node(f"return {{'outcome': request_approval({document}).approved}}")) == []


def routed(router: str, more: str = "") -> str:
    """A graph with a router after its gate."""
    return (
        f"{router}\ndef build():\n    graph = StateGraph(State)\n    graph.add_node('ask', ask)\n"
        f"    graph.add_node('act', act)\n    graph.add_edge(START, 'ask')\n"
        f"    graph.add_conditional_edges('ask', route{more})\n    return graph.add_edge('act', END)\n"
    )


@pytest.mark.parametrize(
    ("router", "more", "target", "line"),
    [
        ("def route(s):\n    return 'atc' if s else 'act'", "", "atc", "return 'atc' if s else 'act'"),
        ("def route(s):\n    where = 'atc'\n    return where", "", "atc", "where = 'atc'"),
        ("def route(s):\n    return [Send('atc', s)]", "", "atc", "return [Send('atc', s)]"),
        ("def after(s):\n    return 'atc'\ndef route(s):\n    return after(s)", "", "atc", "return 'atc'"),
        ("GONE = 'gone'\ndef route(s):\n    return GONE", "", "gone", "return GONE"),
        ("route = lambda s: 'atc'", "", "atc", "route = lambda s: 'atc'"),
        ("def route(s):\n    return 'no'", ", {'yes': 'act'}", "no", "return 'no'"),
        ("def route(s) -> Literal['act']:\n    return 'ask'", "", "ask", "return 'ask'"),
    ],
)
def test_a_router_to_an_unknown_node_is_told(tmp_path: Path, router: str, more: str, target: str, line: str) -> None:
    [(code, message, text)] = found(tmp_path, build=routed(router, more))
    assert (code, text) == ("route", line) and f"goes to {target!r}, which" in message


@pytest.mark.parametrize(
    ("router", "more"),
    [
        ("def route(s):\n    return 'act' if s else END", ""),
        ("def route(s):\n    return ['act', Send('ask', s)]", ""),
        ("def route(s):\n    return s['input']['next']", ""),
        ("def route(s):\n    return True", ", {True: 'act'}"),
        ("def route(s):\n    note = 'elsewhere'\n    return 'act' if note else END", ""),
    ],
)
def test_a_router_to_known_nodes_is_fine(tmp_path: Path, router: str, more: str) -> None:
    assert found(tmp_path, build=routed(router, more)) == []


def test_a_command_to_an_unknown_node_is_told(tmp_path: Path) -> None:
    lines = ("ok = request_approval(PROPOSAL).approved", "return Command(goto='atc' if ok else END)")
    [(code, message, text)] = found(tmp_path, node(*lines))
    assert (code, text) == ("route", lines[1]) and "Node 'ask' goes to 'atc'" in message
    for goto in ("'act'", "END", "state['next']", "'parents', graph=Command.PARENT"):
        assert found(tmp_path, node(lines[0], f"return Command(goto={goto}, update={{'outcome': ok}})")) == []


def test_a_cached_gate_is_told(tmp_path: Path) -> None:
    cached = BUILD.replace("'ask', ask)", "'ask', ask, cache_policy=CachePolicy())")
    [(code, message, text)] = found(tmp_path, build=cached)
    assert (code, text) == ("cached", "graph.add_node('ask', ask, cache_policy=CachePolicy())") and "'ask'" in message
    [(code, _, _)] = found(tmp_path, node("return {'outcome': asks_plainly()}"), cached)
    assert code == "cached"
    everywhere = BUILD.replace("StateGraph(State)", "StateGraph(State).set_node_defaults(cache_policy=CachePolicy())")
    [(code, _, _)] = found(tmp_path, build=everywhere)
    assert code == "cached"
    method = "class Asker:\n    def ask(self, state):\n        return {'outcome': interrupt('?')}\nask = Asker().ask\n"
    [(code, _, _)] = found(tmp_path, method, cached)
    assert code == "cached"
    partial = "def _ask(state, words):\n    return {'outcome': interrupt(words)}\n"
    [(code, _, _)] = found(tmp_path, partial + "ask = functools.partial(_ask, words='?')\n", cached)
    assert code == "cached"
    other = BUILD.replace("'act', act)", "'act', act, cache_policy=CachePolicy())")
    assert found(tmp_path, build=other) == []


def test_breakpoints_are_noted(tmp_path: Path) -> None:
    stops = ".compile(interrupt_before=['act'], interrupt_after='*')"
    notes = found(tmp_path, build=BUILD.replace("('act', END)", f"('act', END){stops}"))
    assert [code for code, _, _ in notes] == ["breakpoint", "breakpoint"]
    assert "interrupt_after of every node" in notes[0][1] and "interrupt_before of 'act'" in notes[1][1]
    assert all(text.startswith("return graph.add_edge") for _, _, text in notes)
    assert found(tmp_path, build=BUILD.replace("('act', END)", "('act', END).compile()")) == []


def test_a_context_schema_without_a_context_is_told(tmp_path: Path) -> None:
    [(code, message, text)] = found(
        tmp_path, build=BUILD.replace("StateGraph(State)", "StateGraph(State, context_schema=Input)")
    )
    assert (code, text) == ("context", "graph = StateGraph(State, context_schema=Input)") and "is None" in message
    assert found(tmp_path, build=BUILD.replace("StateGraph(State)", "StateGraph(State, input_schema=State)")) == []


@pytest.mark.parametrize("compiled", ["compile(checkpointer=False)", "compile()", "compile(checkpointer=True)"])
def test_a_graph_inside_without_checkpoints_is_told(tmp_path: Path, compiled: str) -> None:
    inner = BUILD.replace("def build", "def inner")
    outer = inner + BUILD.replace("'act', act)", f"'act', inner().{compiled})")
    codes = [(code, text) for code, _, text in found(tmp_path, build=outer)]
    line = f"graph.add_node('act', inner().{compiled})"
    assert codes == ([("checkpointer", line)] if "False" in compiled else [])
    called = inner.replace("'ask', ask", "'ask', asked") + (
        f"def asked(state):\n    return {{'outcome': interrupt('?')}}\nchild = inner().{compiled}\n"
        "def calls(state):\n    return child.invoke(state)\n" + BUILD.replace("'act', act)", "'act', calls)")
    )
    codes = [(code, text) for code, _, text in found(tmp_path, build=called)]
    assert codes == ([("checkpointer", "return child.invoke(state)")] if "False" in compiled else [])
