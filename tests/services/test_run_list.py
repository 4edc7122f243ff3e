"""The list of runs, a page at a time."""

from __future__ import annotations

from sqlalchemy import text

from tests.factories import make_run
from tests.services.desk import Desk
from tests.services.test_queue_search import read_for


def test_no_page_reads_the_others(own_desk: Desk) -> None:
    desk = own_desk
    first = make_run(desk.sessions)
    with desk.engine.begin() as connection:
        columns = [
            name
            for (name,) in connection.execute(
                text("select column_name from information_schema.columns where table_name = 'runs'")
            )
        ]
        # Three at each moment, so that pages begin between runs of the same moment.
        changed = {"id": "gen_random_uuid()::text", "created_at": "created_at - (n / 3) * interval '1 second'"}
        picked = ", ".join(changed.get(name, name) for name in columns)
        connection.execute(
            text(f"insert into runs ({', '.join(columns)}) select {picked} from runs, generate_series(3, 3000) as n")
        )
    with desk.engine.connect() as connection:
        connection.execute(text("analyze runs"))
    for state in ("", first.state):
        ids: list[str] = []
        before = None
        while True:
            page, read = read_for(desk, lambda at=before, of=state: desk.runs.recent(of, at, 200), "runs")
            assert read <= 250
            ids += [run.id for run in page]
            if len(page) < 200:
                break
            before = (page[-1].created_at, page[-1].id)
        assert len(ids) == len(set(ids)) == 2999
