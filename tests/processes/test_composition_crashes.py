"""`kill -9` between the act of a workflow in YAML and its receipt: nothing is done twice unless people say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from app.store.requests import ApprovalRequest
from assent.contracts import Verdict
from tests.processes.crew import Crew, until
from tests.runtime.rig import WRITTEN

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def module_crew(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """One crew for the module; use `crew`."""
    crew = Crew(module_database_url, tmp_path_factory.mktemp("crew"), ",".join(WRITTEN))
    yield crew
    crew.close()


@pytest.fixture
def crew(module_crew: Crew) -> Crew:
    """The module's crew with one worker at work."""
    if not module_crew.worker.running:
        module_crew.worker.start()
    return module_crew


def approve(crew: Crew, run_id: str) -> ApprovalRequest:
    """Approve the one request of the run as it is."""
    request = crew.pending(run_id)
    crew.decide(request, Verdict.APPROVE)
    return request


def receipt_of(crew: Crew, request: ApprovalRequest) -> str:
    [(status,)] = crew.sql("select status from receipts where request_id = %s", request.id)
    return str(status)


def killed_after_acting(crew: Crew, workflow: str) -> tuple[str, ApprovalRequest, ApprovalRequest]:
    """A run whose worker died after the tool had acted, the approved request, and the question that follows."""
    run_id = crew.start(workflow, die=True)
    request = approve(crew, run_id)
    crew.died()
    crew.worker.start()
    question = crew.pending(run_id)
    assert question.kind == "question" and question.title.startswith("Was it done?")
    return run_id, request, question


def test_people_say_that_it_was_done(crew: Crew) -> None:
    run_id, request, question = killed_after_acting(crew, "mend_one")
    crew.decide(question, Verdict.ANSWER, answer={"action": "done"})
    result = crew.finished(run_id).result
    assert crew.effects(run_id) == Counter({"mended table-a": 1})
    assert receipt_of(crew, request) == "applied"
    assert result["mend.result"]["status"] == "done" and result["look.result"]["status"] == "skipped"


def test_people_say_that_it_was_not_done_and_approve_it_again(crew: Crew) -> None:
    run_id, request, question = killed_after_acting(crew, "mend_one")
    crew.decide(question, Verdict.ANSWER, answer={"action": "not_done"})
    again = until(lambda: [found for found in crew.services.checkpoints.pending(run_id) if found.id != question.id])[0]
    assert again.payload["tool"] == "mend_thing" and crew.effects(run_id) == Counter({"mended table-a": 1})
    approve(crew, run_id)
    crew.finished(run_id)
    assert crew.effects(run_id) == Counter({"mended table-a": 2})
    assert (receipt_of(crew, request), receipt_of(crew, again)) == ("not_applied", "applied")


def test_a_corrected_call_whose_worker_died_is_asked_about(crew: Crew) -> None:
    run_id = crew.start("mend_rows", die=True)
    refused = approve(crew, run_id)
    corrected = approve(crew, run_id)
    crew.died()
    crew.worker.start()
    question = crew.pending(run_id)
    assert corrected.previous_id == refused.id and question.title.startswith("Was it done?")
    crew.decide(question, Verdict.ANSWER, answer={"action": "done"})
    crew.finished(run_id)
    assert crew.effects(run_id) == Counter({corrected.payload["args"]["sql"]: 1})
    assert (receipt_of(crew, refused), receipt_of(crew, corrected)) == ("failed", "applied")


def test_each_row_whose_worker_died_is_asked_about_and_no_other(crew: Crew) -> None:
    run_id, request, _ = killed_after_acting(crew, "mend_all")
    for letter in "abc":
        question = crew.pending(run_id)
        assert "row" in question.title
        crew.decide(question, Verdict.ANSWER, answer={"action": "done"})
        if letter != "c":
            crew.died()
            crew.worker.start()
    crew.finished(run_id)
    assert crew.effects(run_id) == Counter({f"mended table-{letter}": 1 for letter in "abc"})
    assert receipt_of(crew, request) == "applied"


def test_what_may_be_repeated_is_repeated_and_the_rest_of_a_composed_workflow_is_not(crew: Crew) -> None:
    run_id = crew.start("mend_both", die=True)
    oil = approve(crew, run_id)
    crew.died()
    crew.worker.start()
    assert crew.pending(run_id).node == "first.mend.gate"
    approve(crew, run_id)
    crew.died()
    crew.worker.start()
    crew.decide(crew.pending(run_id), Verdict.ANSWER, answer={"action": "done"})
    result = crew.finished(run_id).result
    assert crew.effects(run_id) == Counter({"oiled door": 2, "mended chair-a": 1})
    assert receipt_of(crew, oil) == "applied"
    assert result["all.input"]["status"] == "skipped"  # it needs the output of a call that nobody saw
