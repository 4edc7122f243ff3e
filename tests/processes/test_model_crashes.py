"""`kill -9` around calls of models: what a lost step has used counts, and so does what people have answered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assent.contracts import Verdict
from assent.models.budget_questions import LARGER, TITLE
from tests.models.fakes import NAMES
from tests.processes import model_flows
from tests.processes.crew import Crew

pytestmark = pytest.mark.processes
SETTINGS = {"ASSENT_MODEL_TIER1": f"{NAMES}counted", "ASSENT_MODEL_BUDGET_TOKENS": "1200"}


@pytest.fixture
def crew(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    crew = Crew(database_url, tmp_path_factory.mktemp("crew"), model_flows.ALL)
    crew.worker.kill()
    crew.worker.start(**SETTINGS)
    yield crew
    crew.close()


def test_the_budget_of_a_run_outlives_its_workers(crew: Crew) -> None:
    """Each call uses 600 of 1,200 tokens. The first step asks twice, because its worker dies after the answer."""
    run_id = crew.start("asks_models", die_at="answered")
    crew.died()
    crew.worker.start(**SETTINGS)
    request = crew.pending(run_id)
    assert (request.title, request.node) == (TITLE, "second")
    assert crew.effects(run_id) == {"one model": 2}
    crew.worker.kill()
    crew.decide(request, Verdict.ANSWER, answer=LARGER)
    crew.worker.start(**SETTINGS)
    crew.finished(run_id)
    assert crew.effects(run_id) == {"one model": 2, "two model": 1}
    uses = crew.sql("select node, status, input_tokens + output_tokens from model_uses where run_id = %s", run_id)
    assert sorted(uses) == [("first", "ok", 600), ("first", "ok", 600), ("second", "ok", 600)]
