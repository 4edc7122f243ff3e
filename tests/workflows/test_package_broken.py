"""Broken installers in the sandbox: each gets an analysis with a clear word, in time, within the limits; no crash."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from assent.sandbox import Limits, run_in_sandbox, sandbox_dependencies
from tests.missing import missing
from tests.signing import NOW, Authority, clock_options, sign
from tests.workflows import registry_packages, wixl_packages
from tests.workflows.broken_installers import mutant
from tests.workflows.hard_installers import CRAFTED
from tests.workflows.nsis_installers import build_nsis
from workflows.package_deployment.analysis import Technology
from workflows.package_deployment.analyzer import AnalysisError, analyze_package
from workflows.package_deployment.sample import write_sample_package

MOST_SECONDS = 20.0
MUTANTS, SAMPLE = 2_000, 60
_MANY = Limits(cpu_seconds=500, wall_seconds=900, scratch_bytes=64 << 20)
"""For many analyses in one process, one after the other. The memory is what each of them may use."""


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Good installers, by the name of an argument."""
    found = sandbox_dependencies()[0]
    if not found.available:
        missing(found.detail)
    folder = tmp_path_factory.mktemp("good")
    (folder / "nsis").mkdir()
    package = wixl_packages.build(folder, wixl_packages.source(), files={"app.exe": b"MZ" + bytes(1_000)})
    program = build_nsis(folder / "nsis")
    authority = Authority()
    others, stamp = [authority.intermediate], clock_options(folder, authority.clock, NOW)
    return {
        "seed_0": write_sample_package(folder), "seed_1": package, "seed_2": program,
        "seed_3": sign(package, authority.signer, others, *stamp),
        "seed_4": sign(program, authority.signer, others, *stamp),
    }  # fmt: skip


@pytest.fixture(scope="module")
def real_seeds(seeds: dict[str, Path]) -> dict[str, Path]:
    """Also real installers of other people's."""
    compiler = registry_packages.package("innosetup-compiler@6.3.1")
    squirrel = registry_packages.package("electron-winstaller@5.4.4")
    return {
        **seeds, "seed_5": max(compiler.rglob("*.exe"), key=lambda path: path.stat().st_size),
        "seed_6": squirrel / "vendor" / "Setup.exe", "seed_7": squirrel / "vendor" / "Squirrel.exe",
    }  # fmt: skip


def analyzed(
    seeds: dict[str, Path], numbers: list[int] = (), names: list[str] = (), seconds: float = MOST_SECONDS,  # type: ignore[assignment]
) -> list[dict[str, Any]]:  # fmt: skip
    """Analyze mutants and crafted files in one sandbox."""
    arguments = {"numbers": list(numbers), "names": list(names), "seconds": seconds}
    results: list[dict[str, Any]] = run_in_sandbox(
        "tests.workflows.broken_runs:analyze_all", arguments, files=seeds, limits=_MANY,
        code=["tests", "workflows.package_deployment"],
    )  # fmt: skip
    return results


def problem(result: dict[str, Any]) -> str:
    """Return what is wrong with the analysis of a broken installer; nothing, if it is as it should be."""
    if "error" in result:
        return str(result["error"])
    if result["length"] > 4 << 20:
        return f"an analysis of {result['length']} bytes"
    if result["technology"] == Technology.UNKNOWN and not result["notes"]:
        return "no word"
    return next((f"not a clear word: {note!r}" for note in result["notes"] if not is_clear(note)), "")


def is_clear(note: str) -> bool:
    """Whether a note is a sentence of some length, without anything that is not seen."""
    hidden = any(unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs") for character in note)
    is_sentence = note.endswith(".") or ": " in note  # after a colon, there may be what the file says
    has_subject = note[:1].isupper() and not note.startswith(("It is ", "It does ", "It takes ", "Its content "))
    return not hidden and is_sentence and has_subject and 20 <= len(note) <= 1_000


def problems(results: list[dict[str, Any]]) -> list[str]:
    return [f"{result['name']} ({result['depth']}): {wrong}" for result in results if (wrong := problem(result))]


def test_mutants(seeds: dict[str, Path]) -> None:
    results = analyzed(seeds, range(0, MUTANTS, MUTANTS // SAMPLE + 1))  # type: ignore[arg-type]
    assert problems(results) == []
    assert len({result["technology"] for result in results}) >= 3, "some are still recognized"


@pytest.mark.soak
def test_many_mutants(real_seeds: dict[str, Path]) -> None:
    results = analyzed(real_seeds, range(MUTANTS))  # type: ignore[arg-type]
    assert len(results) == MUTANTS
    assert problems(results) == []


def test_structures_that_are_hard_to_read(seeds: dict[str, Path]) -> None:
    results = analyzed(seeds, names=list(CRAFTED))
    assert len(results) == len(CRAFTED) > 50
    assert problems(results) == []
    assert {result["name"] for result in results if result["seconds"] > MOST_SECONDS / 2} == set()


def test_a_watch_that_sees_what_is_too_slow(seeds: dict[str, Path]) -> None:
    assert "TooSlowError" in problems(analyzed(seeds, numbers=[0], seconds=0.001))[0]


@pytest.mark.parametrize("number", [2, 5, 11, 17])
def test_each_in_a_sandbox_of_its_own(seeds: dict[str, Path], tmp_path: Path, number: int) -> None:
    place = tmp_path / "setup"
    words, content = mutant([path.read_bytes() for _, path in sorted(seeds.items())], number)
    place.write_bytes(content)
    try:
        found = analyze_package(str(place))
    except AnalysisError as error:
        assert is_clear(str(error)), words
    else:
        assert found.size_bytes == len(content)
        assert found.technology is not Technology.UNKNOWN or found.notes, words
