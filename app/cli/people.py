"""`assent user`: accounts and sign-in links."""

from __future__ import annotations

from datetime import timedelta

import click

from app.cli.actors import operator, use_cases
from app.cli.context import as_json, print_json, print_table
from app.domain.people import Role
from app.domain.text import plural
from app.domain.tokens import TokenChoice
from app.services.people.accounts import LINK_LIFETIME
from app.services.people.sessions import SignOutCounts
from app.settings import Settings
from app.store.people import Person


@click.group()
def user() -> None:
    """Add and change accounts, and create sign-in links."""


@user.command()
@click.argument("email")
@click.option("--name", required=True, help="Name, as pages and the audit log show it.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="Role. Repeatable.",
)
@click.option(
    "--team", "teams", multiple=True, help="Slug of a team, which is created if it does not exist. Repeatable."
)
@as_json
def add(email: str, name: str, roles: tuple[str, ...], teams: tuple[str, ...], as_json: bool) -> None:
    """Add a person, and print a link that signs them in once."""
    with use_cases() as (settings, services):
        person = services.people.add(operator(), name, email, [Role(role) for role in roles], teams)
        address = link_address(settings, services.people.make_link(operator(), person.id))
    _print_link(person, address, as_json)


@user.command()
@click.argument("email")
@click.option("--name", help="New name, as pages and the audit log show it.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice([role.value for role in Role]),
    help="New roles, instead of the current ones. Repeatable.",
)
@click.option("--team", "teams", multiple=True, help="New teams, instead of the current ones. Repeatable.")
@click.option("--no-team", is_flag=True, help="Remove the person from all teams.")
@click.option("--active/--inactive", default=None, help="Whether the person may sign in.")
@as_json
def change(
    email: str,
    name: str | None,
    roles: tuple[str, ...],
    teams: tuple[str, ...],
    no_team: bool,
    active: bool | None,
    as_json: bool,
) -> None:
    """Change a person's name, roles, teams, or access. Options that you leave out change nothing."""
    if teams and no_team:
        raise click.UsageError("--team and --no-team cannot be combined.")
    with use_cases() as (_settings, services):
        person = services.people.by_email(email)
        changed = services.people.change(
            operator(),
            person.id,
            person.name if name is None else name,
            [Role(role) for role in roles or person.roles],
            teams if teams or no_team else [team.slug for team in person.teams],
            person.active if active is None else active,
        )
    if as_json:
        print_json(_facts(changed))
    else:
        teams_now = ", ".join(team.slug for team in changed.teams) or "no team"
        click.echo(f"{changed.name}: {', '.join(changed.roles)}; {teams_now}; {_state(changed)}")


@user.command()
@click.argument("email")
@as_json
def link(email: str, as_json: bool) -> None:
    """Print a link that signs the person in once."""
    with use_cases() as (settings, services):
        person = services.people.by_email(email)
        address = link_address(settings, services.people.make_link(operator(), person.id))
    _print_link(person, address, as_json)


@user.command()
@as_json
def lookalikes(as_json: bool) -> None:
    """List pairs of active people whose names or addresses look the same."""
    with use_cases() as (_settings, services):
        found = services.people.lookalikes(operator())
    if as_json:
        print_json([[_facts(one), _facts(other)] for one, other in found])
    else:
        rows = [(one.name, one.email, other.name, other.email) for one, other in found]
        print_table(
            ("NAME", "EMAIL", "LOOKS LIKE", "EMAIL"), rows, "No names or addresses of active people look the same."
        )


@user.command()
@click.argument("email")
@as_json
def sessions(email: str, as_json: bool) -> None:
    """List the browsers in which a person is signed in."""
    with use_cases() as (settings, services):
        person = services.people.by_email(email)
        lifetime = timedelta(hours=settings.session_hours)
        found = services.sign_ins.of(operator(), lifetime, settings.session_idle, person.id)
    facts = [
        {
            "id": row.id, "browser": row.browser, "source": row.source, "began_at": row.began_at.isoformat(),
            "seen_at": row.seen_at.isoformat(),
        }
        for row in found
    ]  # fmt: skip
    if as_json:
        print_json(facts)
    else:
        names = ("id", "browser", "source", "began_at", "seen_at")
        rows = [tuple(str(fact[name]) for name in names) for fact in facts]
        print_table(("ID", "BROWSER", "FROM", "SINCE", "LAST USED"), rows, f"{person.name} is not signed in anywhere.")


@user.command("sign-out")
@click.argument("email")
@click.option("--session", "sign_in_id", default="", help="End only this session; see `assent user sessions`.")
@click.option(
    "--tokens", type=click.Choice([choice.value for choice in TokenChoice]), default=TokenChoice.NONE.value,
    help="Also revoke the tokens of the person's own programs, or all of their tokens, including those of agents. "
    "Both also remove the link to a Slack user.",
)  # fmt: skip
@as_json
def sign_out(email: str, sign_in_id: str, tokens: str, as_json: bool) -> None:
    """End all sessions and unused sign-in links of a person, or one session."""
    if sign_in_id and tokens != TokenChoice.NONE.value:
        raise click.UsageError("--session and --tokens cannot be combined.")
    with use_cases() as (_settings, services):
        person = services.people.by_email(email)
        if sign_in_id:
            found = services.sign_ins.end(operator(), sign_in_id, person.id)
            ended = SignOutCounts(int(found), 0, 0)
        else:
            ended = services.sign_ins.end_all(operator(), person.id, TokenChoice(tokens))
    if as_json:
        print_json({"sessions": ended.sessions, "links": ended.links, "tokens": ended.tokens})
    else:
        sessions, links = plural(ended.sessions, "session"), plural(ended.links, "unused link")
        click.echo(f"{person.name}: {sessions}, {links}, and {plural(ended.tokens, 'token')} ended")


@user.command("list")
@as_json
def list_people(as_json: bool) -> None:
    """List all people."""
    with use_cases() as (_settings, services):
        people = services.people.everybody()
    if as_json:
        print_json([_facts(person) for person in people])
        return
    rows = [
        (
            person.email,
            person.name,
            ", ".join(person.roles),
            ", ".join(team.slug for team in person.teams),
            _yes(person),
        )
        for person in people
    ]
    print_table(
        ("EMAIL", "NAME", "ROLES", "TEAMS", "ACTIVE"), rows, "There are no accounts yet: see assent user add --help."
    )


def link_address(settings: Settings, token: str) -> str:
    """Return the address of the page that signs in with `token`."""
    return f"{settings.public_url}/sign-in/{token}"


def _minutes() -> int:
    return int(LINK_LIFETIME.total_seconds() // 60)


def _state(person: Person) -> str:
    return "active" if person.active else "not active"


def _yes(person: Person) -> str:
    return "yes" if person.active else "no"


def _print_link(person: Person, address: str, as_json: bool) -> None:
    if as_json:
        print_json({**_facts(person), "link": address})
    else:
        click.echo(f"{person.name} can sign in once within {_minutes()} minutes at\n{address}")


def _facts(person: Person) -> dict[str, object]:
    return {
        "id": person.id,
        "email": person.email,
        "name": person.name,
        "roles": person.roles,
        "teams": [team.slug for team in person.teams],
        "active": person.active,
    }
