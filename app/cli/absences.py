"""`assent absence`: absences and delegates."""

from __future__ import annotations

from typing import Any

import click

from app.cli.actors import acting, operator, use_cases
from app.cli.context import as_json, moment_of, print_json, print_table
from app.domain.people import Actor
from app.services.bundle import Services
from app.services.people.absences import AbsenceView

in_whose_name = click.option(
    "--as", "email", default="", help="Act as the person with this email address, not as the operator."
)


@click.group()
def absence() -> None:
    """Manage absences and the delegates who decide during them."""


@absence.command()
@click.argument("person")
@click.option("--until", required=True, help="End of the absence, in ISO 8601, such as 2026-08-03T09:00+02:00.")
@click.option("--from", "since", default="", help="Start of the absence. Default: now.")
@click.option("--delegate", default="", help="Email address of the delegate. Default: nobody.")
@click.option("--note", default="", help="Note that the person and admins can see.")
@in_whose_name
@as_json
def add(person: str, until: str, since: str, delegate: str, note: str, email: str, as_json: bool) -> None:
    """Add an absence of PERSON (an email address). Times without a time zone are in this machine's zone."""
    with use_cases() as (_settings, services):
        entered = services.absences.add(
            _actor(services, email),
            services.people.by_email(person).id,
            services.absences.named(delegate, "delegate"),
            moment_of("--from", since) if since else services.clock(),
            moment_of("--until", until),
            note,
        )
    if as_json:
        print_json(_facts(entered))
    else:
        click.echo(
            f"{entered.person_name} is away until {entered.ends_at.astimezone():%Y-%m-%d %H:%M}; {_who(entered)}."
        )
        click.echo(f"Absence {entered.id}")


@absence.command("list")
@click.option("--person", default="", help="Only this person's absences (an email address), including past ones.")
@as_json
def list_absences(person: str, as_json: bool) -> None:
    """List everybody's current and upcoming absences."""
    with use_cases() as (_settings, services):
        if person:
            found = services.absences.of(services.people.by_email(person).id)
        else:
            found = services.absences.upcoming(operator())
    if as_json:
        print_json([_facts(view) for view in found])
        return
    rows = [
        (view.id, view.person_name, view.delegate_name, view.starts_at, view.ends_at, view.state.value, view.note)
        for view in found
    ]
    heads = ("ABSENCE", "WHO", "DELEGATE", "FROM", "UNTIL", "STATE", "NOTE")
    print_table(heads, rows, "Nobody is away.")


@absence.command()
@click.argument("absence_id")
@in_whose_name
@as_json
def end(absence_id: str, email: str, as_json: bool) -> None:
    """End ABSENCE_ID now."""
    with use_cases() as (_settings, services):
        ended = services.absences.end(_actor(services, email), absence_id)
    if as_json:
        print_json(_facts(ended))
    else:
        click.echo(f"The absence of {ended.person_name} has ended.")


def _actor(services: Services, email: str) -> Actor:
    return acting(services, email) if email else operator()


def _who(entered: AbsenceView) -> str:
    return f"the delegate is {entered.delegate_name}" if entered.delegate_name else "there is no delegate"


def _facts(view: AbsenceView) -> dict[str, Any]:
    return {
        "id": view.id,
        "person_id": view.person_id,
        "person": view.person_name,
        "delegate_id": view.delegate_id,
        "delegate": view.delegate_name,
        "starts_at": view.starts_at,
        "ends_at": view.ends_at,
        "note": view.note,
        "ended_at": view.ended_at,
        "state": view.state.value,
    }
