"""`assent demo`: sample people and their past, a sample database, and one run. Run again, it adds what is missing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import click
import psycopg
from psycopg import sql

from app.cli.actors import operator, use_cases
from app.cli.people import link_address
from app.cli.policy import load_policy, read_file
from app.demo.cast import CAST, STARTER, DemoPerson
from app.demo.decided import decided_story
from app.demo.past import the_past
from app.demo.story import Story
from app.demo.telling import Telling, people_of
from app.demo.waiting import waiting_story
from app.domain.errors import AssentError, ConflictError, NotFoundError
from app.domain.people import Via
from app.installation import COMMAND, ROOT
from app.services.bundle import Services
from app.services.people.accounts import LINK_LIFETIME
from app.settings import Settings, with_secret_key
from app.store.migrate import one_line
from app.store.people import Person
from workflows.database_maintenance.files import OutsideError, base_directory, inside
from workflows.database_maintenance.sample import SAMPLE_WORKLOAD, SampleError, create_sample, sample_workload

WORKFLOW = "database_maintenance"
CATALOGUE_SECONDS = 60.0
POLICY = "policies.yaml"
"""The policy that the demo's past was written for; another one can be configured."""
SET_UP = timedelta(hours=1)
"""How long before the first act of the past its people were added."""


class DemoError(AssentError):
    """The demo cannot be set up; the message says what to do."""

    code = "demo"


@click.command()
@click.option("--sample", default="", help="Address of the sample database. It is created and filled if necessary.")
def demo(sample: str) -> None:
    """Fill an empty database with sample people and requests, start one run, and print sign-in links."""
    with use_cases() as (settings, services):
        make_sample = partial(_make_sample, settings, sample)
        if services.demo_marks.is_marked():
            people = [_person(services, part) for part in CAST]
            if settings.policy_file:
                load_policy(services, operator(), settings.policy_file)
            make_sample()
        else:
            people, left_out = make_past(services, with_secret_key(settings), make_sample)
            if left_out:
                click.echo(f"  The policy refused {len(left_out)} of the demo's acts; they are left out.")
        if not services.runs.recent(limit=1):
            _start_run(settings, services, people[CAST.index(STARTER)])
        _print_links(settings, services, people)


def make_past(
    services: Services, settings: Settings, meanwhile: Callable[[], None] = lambda: None
) -> tuple[list[Person], list[str]]:
    """Mark the database as a demo for good, and write the demo's past into it.

    Returns its people, and what a policy of the operator's own refused.

    Args:
        meanwhile: what else takes a while, and is done in a thread once the database is marked.

    Raises:
        DemoError: the database is not empty.
    """
    source = settings.policy_file or str(ROOT / POLICY)
    text, story = read_file(source), Story(services.clock())
    decided_story(story)
    waiting_story(story)
    begins = story.acts[0].at - SET_UP
    try:
        with (
            the_past(services.engine, begins, settings.public_url, settings.secret_key) as past,
            ThreadPoolExecutor(1, thread_name_prefix="meanwhile") as beside,
        ):
            other = beside.submit(meanwhile)
            people = [
                past.services.people.add(operator(), part.name, part.email, part.roles, part.teams) for part in CAST
            ]
            past.services.policies.load(operator(), text, Path(source).name)
            telling = Telling(past, operator(), people_of(CAST, people))
            telling.tell(story)
            other.result()
    except ConflictError:
        raise DemoError(
            "A demo needs an empty database, and this one is in use: start without the demo (--no-demo), or name "
            "another database (ASSENT_DATA_DIR or ASSENT_DATABASE_URL)."
        ) from None
    return people, telling.left_out


def _person(services: Services, part: DemoPerson) -> Person:
    try:
        return services.people.by_email(part.email)
    except NotFoundError:
        return services.people.add(operator(), part.name, part.email, part.roles, part.teams)


def _make_sample(settings: Settings, address: str) -> None:
    if address:
        _make_database(settings, address)
        _fill(address)


def _make_database(settings: Settings, address: str) -> None:
    wanted = psycopg.conninfo.conninfo_to_dict(address)["dbname"]
    main = os.environ.get("ASSENT_DATABASE_URL") or settings.database_url
    try:
        with psycopg.connect(main, autocommit=True, connect_timeout=10) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (wanted,)).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(str(wanted))))
    except psycopg.errors.InsufficientPrivilege:
        raise DemoError(
            f"The demo needs a database {wanted!r}, and the account is not allowed to create it: "
            "create the database, or start with --no-demo."
        ) from None
    except psycopg.Error as error:
        raise DemoError(f"The demo's database {wanted!r} cannot be created: {one_line(error)}") from None


def _fill(address: str) -> None:
    started = time.monotonic()
    try:
        create_sample(address)
    except SampleError as error:
        raise DemoError(f"The demo's database contains something else. {error} Start with --no-demo.") from None
    if time.monotonic() - started > 1:
        click.echo("  Created a sample database: a shop with 300,000 orders and no useful index.")


def _start_run(settings: Settings, services: Services, starter: Person) -> None:
    _wait_for_workflow(services)
    try:
        sample_workload(inside(SAMPLE_WORKLOAD))
    except (OutsideError, OSError) as error:
        raise DemoError(f"The demo's workload cannot be written to {base_directory()}: {error}") from None
    document = {"target": "shop", "environment": "sample", "workload": SAMPLE_WORKLOAD, "min_duration_ms": 5}
    services.runs.start(starter.as_actor(Via.COMMAND_LINE), WORKFLOW, document, "Maintenance of the sample shop")


def _wait_for_workflow(services: Services) -> None:
    deadline = time.monotonic() + CATALOGUE_SECONDS
    while True:
        try:
            services.runs.workflow(WORKFLOW)
            return
        except ConflictError as error:
            raise DemoError(str(error)) from None
        except NotFoundError:
            if time.monotonic() > deadline:
                raise DemoError(f"No worker offers the workflow {WORKFLOW!r}: see the worker's log.") from None
        time.sleep(0.2)


def _print_links(settings: Settings, services: Services, people: list[Person]) -> None:
    minutes = int(LINK_LIFETIME.total_seconds() // 60)
    click.echo(
        f"\n  Sign in (each link works once, within {minutes} minutes; `{COMMAND} user link` creates new ones):\n"
    )
    for part, person in zip(CAST, people, strict=True):
        if person.active:
            address = link_address(settings, services.people.make_link(operator(), person.id))
            click.echo(f"    {part.name:<17} {address}\n    {'':<17} {part.does}")
