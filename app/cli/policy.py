"""`assent policy`: who must agree to what, as a file."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import psycopg
from sqlalchemy.exc import DBAPIError

from app.cli.actors import acting, operator, use_cases
from app.cli.context import as_json, print_json, print_table
from app.domain.errors import AssentError, InvalidInputError, TooLargeError
from app.domain.people import Actor
from app.domain.policy.parser import PolicyFileError, read_policy
from app.domain.policy.summary import RuleSummary
from app.embedded import EmbeddedError, find_running
from app.services.bundle import Services, build_services
from app.services.policies.replay import MAX_REQUESTS, Replay, ReplayedRequest
from app.services.policies.versions import MAX_BYTES, LoadedPolicy, PolicyView
from app.settings import PREFIX, Settings, SettingsError, load_settings
from app.store.engine import make_engine
from app.store.migrate import check as check_schema

TEST_SECONDS = 300.0
"""A person at a terminal waits longer than one before a page."""
_AGO = re.compile(r"(\d{1,4})\s*([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}
in_whose_name = click.option("--as", "email", default="", help="Email address of the person who loads it.")


class _Since(click.ParamType):
    """How far back: ``90d``, ``12h``, ``4w``, or a day such as ``2026-11-30`` (UTC)."""

    name = "since"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime | timedelta:
        if isinstance(value, datetime | timedelta):
            return value
        ago = _AGO.fullmatch(value.strip().lower())
        if ago:
            return timedelta(hours=int(ago[1]) * _HOURS[ago[2]])
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no period: write such as 90d, 12h or 2026-11-30", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.group()
def policy() -> None:
    """Check, load and try out the policy file."""


@policy.command()
@click.argument("file")
@as_json
def check(file: str, as_json: bool) -> None:
    """Say everything that is wrong with FILE, with line and field; exit code 1 if anything is.

    Names of teams and people are looked up where the database runs; one that is not known is a warning.
    """
    with _problems_told(as_json):
        text = read_file(file)
        document = read_policy(text, file)
        warnings, looked_up = _names(text, file)
    if as_json:
        print_json({"problems": [], "warnings": warnings, "names_looked_up": looked_up})
        return
    _tell(warnings)
    rules = f"{len(document.rules)} rule{'' if len(document.rules) == 1 else 's'}"
    click.echo(f"{file} can be used: {rules}{' and a default' if document.default else ''}.")
    if not looked_up:
        click.echo("No database runs here, so names of teams and people were not looked up.")


@policy.command()
@click.argument("file", required=False, default="")
@in_whose_name
@as_json
def load(file: str, email: str, as_json: bool) -> None:
    """Put FILE (by default ASSENT_POLICY_FILE) into force for every request opened from now on.

    Open requests keep the policy they were opened under. A file that is in force already is not loaded again.
    """
    with _problems_told(as_json):
        text, source = _given(file)
        with use_cases() as (_settings, services):
            actor = acting(services, email) if email else operator()
            loaded = services.policies.load(actor, text, source)
    if as_json:
        print_json({"version": loaded.stored.version, "new": loaded.new, "warnings": loaded.warnings})
    else:
        _tell_loaded(loaded)


@policy.command()
@click.option("--version", "number", type=int, help="An earlier version; by default the one in force.")
@click.option("--text", "as_text", is_flag=True, help="Print the file as it was loaded.")
@as_json
def show(number: int | None, as_text: bool, as_json: bool) -> None:
    """Show a version's rules in words."""
    with use_cases() as (_settings, services):
        view = services.policies.view(operator(), number)
    if view is None:
        click.echo("No policy is loaded; the strict default holds. Load one with: assent policy load FILE")
    elif as_text:
        click.echo(view.stored.text, nl=False)
    elif as_json:
        print_json(_facts(view))
    else:
        _show(view)


@policy.command()
@click.option("--limit", default=100, type=click.IntRange(1, 10_000), show_default=True)
@as_json
def history(limit: int, as_json: bool) -> None:
    """List versions, newest first."""
    with use_cases() as (_settings, services):
        versions = services.policies.history(operator(), limit)
    if as_json:
        print_json([_head(version) for version in versions])
        return
    rows = [
        (version.version, version.loaded_at, version.loaded_by_name, version.source, version.digest[:12])
        for version in versions
    ]
    print_table(("VERSION", "LOADED", "BY", "FILE", "DIGEST"), rows, "No policy was loaded yet.")


@policy.command()
@click.argument("file")
@click.option("--since", type=_Since(), default="90d", show_default=True, help="90d, 12h, or a day such as 2026-11-30.")
@click.option("--limit", type=click.IntRange(1, MAX_REQUESTS), default=1000, show_default=True, help="Newest first.")
@click.option("--fail-on-difference", is_flag=True, help="Exit code 3 if any request would have had other terms.")
@as_json
def test(file: str, since: datetime | timedelta, limit: int, fail_on_difference: bool, as_json: bool) -> None:
    """Say what FILE would have done with past requests. Changes nothing."""
    with _problems_told(as_json):
        text = read_file(file)
        with use_cases() as (_settings, services):
            began = services.clock() - since if isinstance(since, timedelta) else since
            told = services.policies.replay(operator(), text, began, limit, file, seconds=TEST_SECONDS)
    if as_json:
        print_json(asdict(told))
    else:
        _tell(told.warnings)
        for replayed in told.changed:
            _show_change(replayed)
        _sum_up(told)
    if fail_on_difference and told.changed:
        sys.exit(3)


# Files


def read_file(file: str) -> str:
    """The policy file's text, byte for byte. Raises InvalidInputError, TooLargeError with one line."""
    path = Path(file)
    try:
        with path.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInputError(f"{file} cannot be read: {error.strerror}.") from None
    if len(raw) > MAX_BYTES:
        raise TooLargeError(f"{file} is too large: a policy has at most {MAX_BYTES:,} bytes.")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{file} is not UTF-8 text (byte {error.start}).") from None


def configured_policy(settings: Settings) -> str:
    """The policy file of the settings, checked; empty if none is set. Raises SettingsError with one line."""
    if settings.policy_file:
        try:
            read_policy(read_file(settings.policy_file), settings.policy_file)
        except PolicyFileError as error:
            all_of_them = f" (all of them: assent policy check {settings.policy_file})" if error.problems[1:] else ""
            raise SettingsError(f"{PREFIX}POLICY_FILE: {error.message}{all_of_them}") from None
        except AssentError as error:
            raise SettingsError(f"{PREFIX}POLICY_FILE: {error.message}") from None
    return settings.policy_file


def _given(file: str) -> tuple[str, str]:
    named = file or load_settings().policy_file
    if not named:
        raise SettingsError(f"{PREFIX}POLICY_FILE: not set; name the file: assent policy load FILE")
    return read_file(named), named


def load_policy(services: Services, actor: Actor, file: str) -> None:
    """Put a file into force and say so. Raises AssentError."""
    _tell_loaded(services.policies.load(actor, read_file(file), file))


@contextmanager
def _problems_told(as_json: bool) -> Iterator[None]:
    """Print every problem of a file, one per line, as ``file:line: field: what to do``."""
    try:
        yield
    except PolicyFileError as error:
        if as_json:
            print_json({"problems": [asdict(problem) for problem in error.problems], "warnings": []})
        else:
            for problem in error.problems:
                click.echo(str(problem), err=True)
        sys.exit(1)


def _names(text: str, file: str) -> tuple[Sequence[str], bool]:
    """Warnings about names, and whether they could be looked up. No database is started or waited for."""
    try:
        settings = load_settings()
        address = settings.database_url or find_running(settings.data_dir)
        if not address:
            return (), False
        check_schema(address)
        engine = make_engine(address, pool_size=1, application_name="assent command line")
        try:
            return build_services(engine).policies.check(text, file).warnings, True
        finally:
            engine.dispose()
    except PolicyFileError:
        raise
    except (AssentError, SettingsError, EmbeddedError, DBAPIError, psycopg.Error):
        return (), False


# Printing


def _tell(warnings: Sequence[str]) -> None:
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)


def _tell_loaded(loaded: LoadedPolicy) -> None:
    _tell(loaded.warnings)
    stored = loaded.stored
    how = "is in force" if loaded.new else f"is in force, since {_local(stored.loaded_at)}"
    click.echo(f"Policy version {stored.version} ({stored.source}) {how}.")


def _head(stored: Any) -> dict[str, Any]:
    names = ("version", "digest", "source", "loaded_at", "loaded_by_name")
    return {name: getattr(stored, name) for name in names}


def _facts(view: PolicyView) -> dict[str, Any]:
    rules = [asdict(rule) for rule in view.rules]
    head = _head(view.stored)
    return head | {"rules": rules, "warnings": view.warnings, "problem": view.problem, "text": view.stored.text}


def _show(view: PolicyView) -> None:
    stored = view.stored
    loaded = f"loaded {_local(stored.loaded_at)} by {stored.loaded_by_name}"
    click.echo(f"Policy version {stored.version} ({stored.source}), {loaded}")
    if view.problem:
        click.echo(f"error: this version cannot be read, the strict default holds. {view.problem}", err=True)
    _tell(view.warnings)
    for number, rule in enumerate(view.rules, 1):
        click.echo(f"\n{number}. {rule.name}")
        for label, words in _lines(rule):
            click.echo(f"   {label:<10} {words}")


def _lines(rule: RuleSummary) -> Iterator[tuple[str, str]]:
    yield "when", " ".join(rule.when.split()) or "no rule above matches"
    yield "asks", ", then ".join(rule.asks)
    yield "deadline", f"{rule.deadline}; whatever nobody decided by then {rule.on_expiry}"
    yield from (("escalates", words) for words in rule.escalation)
    yield "changes", rule.windows
    if rule.also:
        yield "also", "; ".join(rule.also)


def _show_change(replayed: ReplayedRequest) -> None:
    about = ", ".join(filter(None, (replayed.workflow, replayed.kind.replace("_", " "), replayed.environment)))
    click.echo(f"{_local(replayed.opened_at)}  {_plain(replayed.title)} ({about}, {replayed.risk.value} risk)")
    click.echo(f"  request {replayed.id}: {replayed.state.words}")
    for found in replayed.differences:
        click.echo(f"  {found.label}: {_plain(found.before)} → {_plain(found.after)}")
    for words in replayed.consequences:
        click.echo(f"  ⇒ {_plain(words)}")
    click.echo()


def _sum_up(told: Replay) -> None:
    if told.rules:
        rows = [(rule.rule, rule.before, rule.after) for rule in told.rules]
        print_table(("RULE", "REALLY", "WITH THIS FILE"), rows, "")
        click.echo()
    ended = sum(1 for replayed in told.changed if replayed.state_after is not replayed.state)
    click.echo(
        f"{told.examined:,} requests since {_local(told.since)}: {len(told.changed):,} would have had other terms, "
        f"{ended:,} would have come out otherwise."
    )
    if told.stopped:
        why = "--limit" if told.stopped == "limit" else "lack of time"
        oldest = f" before {_local(told.oldest)}" if told.oldest else ""
        click.echo(f"Requests{oldest} were not looked at, for {why}.")


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def _plain(words: str) -> str:
    """One line, and nothing that a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in words)
