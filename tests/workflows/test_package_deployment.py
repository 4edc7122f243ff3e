"""The workflow package_deployment: from an installer to a package with exactly the script that people approved."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.deployment_runs import SCRIPT, DeploymentRun
from tests.workflows.windows_programs import Program, version_resource
from tests.workflows.written_packages import written
from workflows.package_deployment import drafting, example, gate, handover
from workflows.package_deployment.sample import PRODUCT_CODE, write_sample_package

REQUEST = "Close ExampleAgent first. No desktop shortcut. Water the plants."
START = "Start-ADTMsiProcess -Action 'Install'"
WRONG = "Start-ADTMsiProces -Action 'Install'"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The sample MSI."""
    return str(write_sample_package(tmp_path_factory.mktemp("package")))


@pytest.fixture
def suspended(package: str) -> DeploymentRun:
    """A run that waits for the decision on its script."""
    return DeploymentRun({"package": package, "request": REQUEST, "environment": "pilot"}).start()


def digest(script: str) -> str:
    """The SHA-256 of a script as a file, which has a byte order mark."""
    return hashlib.sha256(script.encode("utf-8-sig")).hexdigest()


def test_the_proposal_is_the_script_with_all_that_it_was_made_from(suspended: DeploymentRun) -> None:
    proposal = suspended.proposal
    assert (proposal["kind"], proposal["language"], proposal["environment"]) == ("script", "powershell", "pilot")
    assert proposal["title"] == "Deploy Example Agent 2.4.1" and START in proposal["content"]
    assert PRODUCT_CODE in proposal["content"] and "Name = 'ExampleAgent'" in proposal["content"]
    assert digest(proposal["content"]) in proposal["summary"] and "plants" in proposal["summary"].lower()
    attached = {item["title"]: item for item in proposal["attachments"]}
    assert set(attached) == {
        "Analysis of the package", "Instructions", "Uninstall", "Detection", "Quality checks",
    }  # fmt: skip
    assert PRODUCT_CODE in attached["Analysis of the package"]["content"]
    assert attached["Uninstall"]["media"] == "powershell" and PRODUCT_CODE in attached["Uninstall"]["content"]
    assert attached["Detection"]["media"] == "powershell" and PRODUCT_CODE in attached["Detection"]["content"]
    assert not [finding for finding in proposal.get("findings", []) if finding["level"] == "error"]


def test_reviewers_see_what_is_left_to_them_apart_from_what_was_not_understood(package: str) -> None:
    request = "Water the plants. Set the license key to AB12-CD34."
    proposal = DeploymentRun({"package": package, "request": request}).start().proposal
    [table] = [item["content"] for item in proposal["attachments"] if item["title"] == "Instructions"]
    for text in (proposal["summary"], table):
        unread, _, considered = text.partition("To be considered:")
        assert "Water the plants" in unread.split("Nothing follows from")[1]
        assert "is not in the script. Set it with a transform" in considered and "plants" not in considered


def test_the_demo_understands_its_own_examples(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (example.FILE_NAME, example.EXE_NAME):
        (tmp_path / name).touch()
    monkeypatch.setenv(example.FOLDERS_VARIABLE, str(tmp_path))
    inputs = [{**given, "package": package} for given in example.examples()]
    assert len(inputs) == 2
    for given in inputs:
        summary = DeploymentRun(given).start().proposal["summary"]
        assert given["request"] in summary and "Nothing follows from" not in summary


def test_each_stage_leaves_an_artifact(suspended: DeploymentRun) -> None:
    assert set(suspended.artifacts) == {
        "analysis.json", "1-analysis.md", "2-instructions.md", "3-functions.md", "4-Invoke-AppDeployToolkit.ps1",
        "detection.ps1", "5-validation.md", "6-quality.md",
    }  # fmt: skip
    assert "Start-ADTMsiProcess" in suspended.artifacts["3-functions.md"]
    assert suspended.artifacts["4-Invoke-AppDeployToolkit.ps1"] == suspended.proposal["content"]


def test_what_is_delivered_is_what_was_approved(suspended: DeploymentRun, package: str) -> None:
    script = suspended.proposal["content"]
    suspended.decide("approve", comment="Fine.")
    files = suspended.archive()
    assert files[SCRIPT] == script.encode("utf-8-sig")
    assert files["Files/ExampleAgent-2.4.1.msi"] == Path(package).read_bytes()
    [receipt] = suspended.receipts
    assert receipt["status"] == "applied" and digest(script) in receipt["summary"]
    assert receipt["detail"]["script_sha256"] == digest(script) == hashlib.sha256(files[SCRIPT]).hexdigest()
    assert suspended.values["status"] == "delivered" and digest(script) in suspended.artifacts["report.md"]
    assert "Packaging lead" in suspended.artifacts["report.md"]


def test_a_decision_counts_although_a_later_version_words_the_proposal_differently(
    suspended: DeploymentRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = suspended.proposal
    monkeypatch.setattr(gate, "analysis_markdown", lambda analysis: "In other words.")
    suspended.decide("approve")
    assert suspended.archive()[SCRIPT] == proposal["content"].encode("utf-8-sig")


def test_a_comment_becomes_an_instruction_of_the_next_revision(suspended: DeploymentRun) -> None:
    before = suspended.proposal
    suspended.decide("request_changes", comment="Let users defer 3 times.")
    after = suspended.proposal
    assert "DeferTimes" not in before["content"] and "-DeferTimes 3" in after["content"]
    assert "> Let users defer 3 times." in after["summary"] and "Revision 2" in after["summary"]
    assert [receipt["status"] for receipt in suspended.receipts] == ["not_applied"]
    suspended.decide("request_changes", comment="Allow no deferral after all, and restart the computer.")
    assert "Name = 'ExampleAgent'" in suspended.proposal["content"], "the request holds for each revision"
    suspended.decide("approve")
    assert suspended.archive()[SCRIPT] == suspended.values["script"].encode("utf-8-sig")


def test_a_change_that_breaks_the_script_is_not_delivered(suspended: DeploymentRun) -> None:
    good = suspended.proposal["content"]
    line = next(number for number, text in enumerate(good.split("\n"), 1) if START in text)
    suspended.decide("modify", content=good.replace(START, WRONG))
    assert "deliver" not in suspended.steps
    [receipt] = suspended.receipts
    assert receipt["status"] == "not_applied" and f"line {line}" in receipt["summary"]
    assert receipt["summary"].startswith("Nothing was delivered. The script as reviewers changed it has 1 error")
    again = suspended.proposal
    assert again["content"] == good.replace(START, WRONG) and again["labels"]["corrects"] == "request-1"
    [error] = [finding for finding in again["findings"] if finding["level"] == "error"]
    assert error["line"] == line and "Start-ADTMsiProcess" in error["suggestion"]
    assert "not delivered" in again["summary"]

    suspended.decide("approve")
    assert [receipt["status"] for receipt in suspended.receipts] == ["not_applied"] * 2
    assert "The approved script has 1 error" in suspended.receipts[-1]["summary"]
    suspended.decide("modify", content=good + "\n# changed by a reviewer\n")
    assert suspended.archive()[SCRIPT].endswith(b"# changed by a reviewer\n")
    assert suspended.receipts[-1]["detail"]["script_sha256"] == digest(good + "\n# changed by a reviewer\n")


@pytest.mark.parametrize("verdict", ["request_changes", "modify"])
def test_a_run_gives_up_after_the_last_revision(package: str, verdict: str) -> None:
    run = DeploymentRun({"package": package, "max_revisions": 1}).start()
    for _ in range(2):
        wrong = run.proposal["content"].replace(START, WRONG) if verdict == "modify" else ""
        run.decide(verdict, content=wrong, comment="Show no windows.")
    assert not run.waits and run.values["status"] == "given_up" and not run.values.get("delivered")
    assert "Nothing was delivered" in run.artifacts["report.md"]


def test_a_rejection_ends_the_run(suspended: DeploymentRun) -> None:
    suspended.decide("reject", comment="No.")
    assert suspended.values["status"] == "rejected" and "deliver" not in suspended.steps


@pytest.fixture
def unknown(tmp_path: Path) -> str:
    """An unknown program."""
    path = tmp_path / "setup.exe"
    path.write_bytes(Program(resources={(16, 1): version_resource({"ProductName": "Example Tool"})}).build())
    return str(path)


def test_where_no_silent_way_is_known_a_person_is_asked(unknown: str) -> None:
    run = DeploymentRun({"package": unknown}).start()
    question = run.proposal
    assert question["kind"] == "question" and "Example Tool" in question["title"]
    assert question["answer_schema"]["required"] == ["install"]
    assert "No marker of an installer was found" in question["question"]
    assert [item["title"] for item in question["attachments"]] == ["Analysis of the package"]
    run.decide("answer", answer={"install": "/quiet /norestart", "uninstall": "/remove /quiet", "repair": ""})
    script = run.proposal["content"]
    assert "'/quiet /norestart'" in script and "/remove /quiet" in script
    run.decide("request_changes", comment="Show no windows.")
    assert run.proposal["kind"] == "script" and "'/quiet /norestart'" in run.proposal["content"]


def test_without_an_answer_no_script_is_written(unknown: str) -> None:
    run = DeploymentRun({"package": unknown}).start().decide("reject")
    assert not run.waits and run.values["status"] == "no_script"
    assert "Nobody knows how to install the package" in run.artifacts["report.md"]


def test_a_file_that_cannot_be_installed_ends_the_run_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "notes.exe"
    path.write_text("Only a text.")
    run = DeploymentRun({"package": str(path), "request": "install arguments: /silent"}).start()
    assert not run.waits and run.values["status"] == "no_script"
    assert "neither an MSI nor a Windows program" in run.artifacts["report.md"]


def test_switches_of_the_request_need_no_question(unknown: str) -> None:
    run = DeploymentRun({"package": unknown, "request": "install arguments: /silent"}).start()
    assert run.proposal["kind"] == "script" and "'/silent'" in run.proposal["content"]


def test_a_package_that_changes_after_its_analysis_is_not_delivered(tmp_path: Path) -> None:
    path = write_sample_package(tmp_path)
    run = DeploymentRun({"package": str(path)}).start()
    written(tmp_path, properties={"ProductVersion": "6.6.6"}, name=path.name)
    run.decide("approve")
    assert run.values["status"] == "failed" and [receipt["status"] for receipt in run.receipts] == ["failed"]
    assert "not the one that was analyzed" in run.artifacts["report.md"]


@pytest.mark.parametrize("configured", [True, False])
def test_a_folder_is_delivered_where_the_operator_wants_it(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configured: bool
) -> None:
    if configured:
        monkeypatch.setenv(handover.OUTPUT_VARIABLE, str(tmp_path / "packages"))
    run = DeploymentRun({"package": package, "deliver_zip": False, "deliver_folder": True}).start()
    script = run.proposal["content"]
    run.decide("approve")
    if not configured:
        assert run.receipts[-1]["status"] == "failed" and handover.OUTPUT_VARIABLE in run.receipts[-1]["summary"]
        return
    folder = tmp_path / "packages" / run.values["delivered"]["folder"]
    assert (folder / SCRIPT).read_bytes() == script.encode("utf-8-sig")
    assert "zip" not in run.values["delivered"]


class Died(BaseException):
    """The process of the worker has ended."""


STEPS: dict[str, Any] = {
    "analyze": drafting, "instruct": drafting, "retrieve": drafting, "generate": drafting, "validate": drafting,
    "assess": drafting, "propose": gate, "recheck": gate, "deliver": handover, "report": handover,
}  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_that_dies_in_a_step_loses_nothing_and_delivers_once(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setenv(handover.OUTPUT_VARIABLE, str(tmp_path / "packages"))
    done: Callable[[Any], Any] = getattr(STEPS[step], step)
    died: list[str] = []

    def die(state: Any) -> Any:
        result = done(state)
        if not died:
            died.append(step)
            raise Died
        return result

    monkeypatch.setattr(STEPS[step], step, die)
    run = DeploymentRun({"package": package, "request": REQUEST, "deliver_folder": True})
    try:
        run.start()
    except Died:
        run.carry_on()
    try:
        run.decide("approve")
    except Died:
        run.carry_on()
    if run.waits:  # the outcome was lost with the worker; the portal delivers it again
        run.decide("approve")
    assert died == [step] and run.values["status"] == "delivered"
    assert [folder.name for folder in (tmp_path / "packages").iterdir()] == [run.values["delivered"]["folder"]]
    assert run.archive()[SCRIPT] == run.values["script"].encode("utf-8-sig")
    assert {receipt["status"] for receipt in run.receipts} == {"applied"}
