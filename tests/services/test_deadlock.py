"""A batch that the server ends to resolve a deadlock is run again: nobody is told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.domain.errors import AssentError
from tests.services.desk import Desk


def test_a_batch_ended_by_a_deadlock_is_run_again(own_desk: Desk) -> None:
    """The server itself says so, once, as it would to the loser of a real deadlock."""
    desk = own_desk
    with desk.engine.begin() as connection:
        connection.exec_driver_sql("create sequence losers")
        connection.exec_driver_sql(
            "create function lose() returns trigger language plpgsql as $$ begin "
            "if nextval('losers') = 1 then raise exception 'deadlock detected' using errcode = '40P01'; end if; "
            "return new; end $$"
        )
    request, reviewer = desk.open(), desk.person()
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(
            "create trigger lose before insert on decisions for each row execute function lose()"
        )
    assert desk.decide(request, reviewer).resolved
    with desk.engine.connect() as connection:
        assert connection.exec_driver_sql("select last_value from losers").scalar_one() == 2
    assert len(desk.decisions(request)) == 1 and desk.jobs(request.run_id) == 1


def test_deciding_while_the_run_is_cancelled_has_no_surprise(
    desk: Desk, at_once: Callable[[list[Callable[[], Any]]], list[Any]]
) -> None:
    for _ in range(15):
        request, person = desk.open(), desk.person()
        results = at_once(
            [lambda: desk.decide(request, person), lambda: desk.runs.cancel(person, request.run_id or "")]  # noqa: B023
        )
        assert [
            result for result in results if isinstance(result, Exception) and not isinstance(result, AssentError)
        ] == []
