"""The functions that serve an instruction, and what is said about each function."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from bench.toolkit import measure
from workflows.package_deployment.toolkit.catalog import catalog
from workflows.package_deployment.toolkit.checks import check_script
from workflows.package_deployment.toolkit.descriptions import descriptions
from workflows.package_deployment.toolkit.findings import Level
from workflows.package_deployment.toolkit.retrieval import retrieve


def test_every_function_has_a_description_and_a_call_of_itself() -> None:
    assert set(descriptions()) == set(catalog())
    for name, described in descriptions().items():
        assert described.text.count(".") >= 2, name
        assert len(described.asked) >= 3, name
        assert name in described.example


@pytest.mark.parametrize("name", sorted(catalog()))
def test_the_example_of_each_function_passes_the_check(name: str) -> None:
    findings = check_script(descriptions()[name].example, fragment=True)
    assert [finding for finding in findings if finding.level is not Level.INFO] == []


@pytest.mark.parametrize(("texts", "floor"), [("development", 0.97), ("held back", 0.95)])
def test_a_right_function_is_among_the_first_five(texts: str, floor: float) -> None:
    figures = measure(texts)
    assert figures.texts.total() > 60
    assert figures.share() >= floor
    assert figures.share("instruction") >= 0.95
    assert figures.share("paraphrase") >= 0.95


def test_the_reason_names_what_speaks_for_a_function() -> None:
    first = retrieve("Show a balloon when the reboot is due")[0]
    assert first.reason.startswith("It speaks of: ")
    assert retrieve("remove HKLM\\Software\\Example")[0].function == "Remove-ADTRegistryKey"


@pytest.mark.parametrize("text", ["", " ", "\0\u202e", "…" * 5_000, "a, " * 5_000, "\ud800", "reboot " * 100_000])
def test_any_text_gets_as_many_functions_as_were_wanted(text: str) -> None:
    retrieve("first")
    begun = time.thread_time()
    assert len(retrieve(text, 7)) == 7
    assert time.thread_time() - begun < 5


def test_the_same_text_gets_the_same_functions_in_another_process() -> None:
    text = "close Outlook, install the msi and reboot"
    code = (
        "from workflows.package_deployment.toolkit.retrieval import retrieve;"
        f"print([(one.function, one.score) for one in retrieve({text!r})])"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed.strip() == str([(one.function, one.score) for one in retrieve(text)])


def test_words_alone_find_functions_where_the_embeddings_are_missing() -> None:
    code = (
        "import sys; sys.modules['wordllama'] = None\n"
        "from assent import meaning\n"
        "from workflows.package_deployment.toolkit.retrieval import retrieve\n"
        "print(retrieve('install an msi silently')[0].function, meaning.is_loaded())"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed.split() == ["Start-ADTMsiProcess", "False"]
