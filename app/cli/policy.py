"""`assent policy`: check, load, show, and test policy files."""

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
from app.domain.hidden_characters import without_hidden
from app.domain.people import Actor
from app.domain.policy.at_once import ending
from app.domain.policy.doubts import doubts
from app.domain.policy.parser import PolicyFileError, read_policy
from app.domain.policy.summary import RuleSummary, decides_words
from app.domain.policy.widening import lowers_critical
from app.domain.policy.yaml_tree import MAX_BYTES, read_tree
from app.domain.text import plural
from app.embedded import EmbeddedError, find_running
from app.risk.catalog import rule_levels
from app.services.bundle import Services, build_services
from app.services.policies.replay import MAX_REQUESTS, Replay, ReplayedRequest
from app.services.policies.versions import LoadedPolicy, PolicyView
from app.settings import PREFIX, Settings, SettingsError, load_settings
from app.store.engine import make_engine
from app.store.migrate import check as check_schema

TEST_SECONDS = 300.0
"""How long `assent policy test` may take; a person at a terminal waits longer than one in front of a page."""
_AGO = re.compile(r"(\d{1,4})\s*([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}
in_whose_name = click.option("--as", "email", default="", help="Email address of the person who loads the policy.")


class _Since(click.ParamType):
    """How far back to look: ``90d``, ``12h``, ``4w``, or a day such as ``2026-11-30`` (UTC)."""

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
            self.fail(f"{value!r} is not a period: write 90d, 12h, or 2026-11-30, for example", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.group()
def policy() -> None:
    """Check, load, show, and test policy files."""


@policy.command()
@click.argument("file")
@as_json
def check(file: str, as_json: bool) -> None:
    """Report every problem in FILE, with line and field. The exit code is 1 if there are any.

    If the database is running, names of teams and people are looked up in it; an unknown name is a warning.
    """
    with _problems_printed(as_json):
        text = read_file(file)
        document = read_policy(text, file, datetime.now(UTC).date())
        warnings, looked_up = _names(text, file)
        if not looked_up:
            levels = rule_levels() if document.risk_rules else {}
            today = datetime.now(UTC).date()
            doubtful = doubts(document, read_tree(text).data)
            warnings = (*doubtful, *lowers_critical(document, levels), *ending(document, today))
    if as_json:
        print_json({"problems": [], "warnings": warnings, "names_looked_up": looked_up})
        return
    _print_warnings(warnings)
    default = " and a default" if document.default else ""
    click.echo(f"{file} is valid: {plural(len(document.rules), 'rule')}{default}.")
    if not looked_up:
        click.echo("No database is running here, so names of teams and people were not looked up.")


@policy.command()
@click.argument("file", required=False, default="")
@in_whose_name
@as_json
def load(file: str, email: str, as_json: bool) -> None:
    """Load FILE (default: ASSENT_POLICY_FILE) as the policy for every request that is opened from now on.

    If it decides more without reviewers than the version in force, it waits until a second person confirms it in
    the portal.
    Pending requests keep the policy under which they were opened. A file that is already in force is not loaded again.
    """
    with _problems_printed(as_json):
        text, source = _given(file)
        with use_cases() as (_settings, services):
            actor = acting(services, email) if email else operator()
            loaded = services.policies.load(actor, text, source)
    if as_json:
        facts = {"version": loaded.stored.version, "new": loaded.new, "warnings": loaded.warnings}
        print_json(facts | {"in_force": loaded.in_force, "widens": loaded.stored.widens})
    else:
        _print_loaded(loaded)


@policy.command()
@click.option("--version", "number", type=int, help="Version to show. Default: the one in force.")
@click.option("--text", "as_text", is_flag=True, help="Print the file exactly as it was loaded.")
@as_json
def show(number: int | None, as_text: bool, as_json: bool) -> None:
    """Show the rules of a policy version in plain words."""
    with use_cases() as (_settings, services):
        view = services.policies.view(operator(), number)
    if view is None:
        click.echo("No policy is loaded; the strict default applies. Load one with: assent policy load FILE")
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
    """List the versions of the policy, newest first."""
    with use_cases() as (_settings, services):
        versions = services.policies.history(operator(), limit)
    if as_json:
        print_json([_head(version) for version in versions])
        return
    rows = [
        (version.version, version.loaded_at, version.loaded_by_name, version.source, version.digest[:12])
        for version in versions
    ]
    print_table(("VERSION", "LOADED", "BY", "FILE", "DIGEST"), rows, "No policy has been loaded yet.")


@policy.command()
@click.argument("file")
@click.option(
    "--since",
    type=_Since(),
    default="90d",
    show_default=True,
    help="How far back to look: 90d, 12h, or a day such as 2026-11-30.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_REQUESTS),
    default=1000,
    show_default=True,
    help="How many requests, newest first.",
)
@click.option(
    "--fail-on-difference", is_flag=True, help="Exit with code 3 if FILE would have treated any request differently."
)
@as_json
def test(file: str, since: datetime | timedelta, limit: int, fail_on_difference: bool, as_json: bool) -> None:
    """Report what FILE would have done with past requests. This changes nothing."""
    with _problems_printed(as_json):
        text = read_file(file)
        with use_cases() as (_settings, services):
            began = services.clock() - since if isinstance(since, timedelta) else since
            replay = services.policies.replay(operator(), text, began, limit, file, seconds=TEST_SECONDS)
    if as_json:
        print_json(asdict(replay) | {"unseen": len(replay.unseen), "unseen_refused": replay.unseen_refused})
    else:
        _print_warnings(replay.warnings)
        for replayed in replay.changed:
            _show_change(replayed)
        _sum_up(replay)
    if fail_on_difference and replay.changed:
        sys.exit(3)


# Files


def read_file(file: str) -> str:
    """Return the policy file's text, byte for byte. Raises InvalidInputError, TooLargeError with one line."""
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
    """Check and return the configured policy file; empty if none is set. Raises SettingsError with one line."""
    if settings.policy_file:
        try:
            read_policy(read_file(settings.policy_file), settings.policy_file)
        except PolicyFileError as error:
            all_of_them = (
                f" (for all problems, run assent policy check {settings.policy_file})" if error.problems[1:] else ""
            )
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
    """Load a policy file and print its version. Raises AssentError."""
    _print_loaded(services.policies.load(actor, read_file(file), file))


@contextmanager
def _problems_printed(as_json: bool) -> Iterator[None]:
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
    """Return warnings about names, and whether they could be looked up. Neither starts nor awaits a database."""
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


def _print_warnings(warnings: Sequence[str]) -> None:
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)


def _print_loaded(loaded: LoadedPolicy) -> None:
    _print_warnings(loaded.warnings)
    stored = loaded.stored
    if stored.in_force_at is not None:
        since = "" if loaded.new else f" since {_local(stored.in_force_at)}"
        click.echo(f"Policy version {stored.version} ({stored.source}) is in force{since}.")
        return
    stays = f"version {loaded.in_force}" if loaded.in_force is not None else "the strict default"
    if stored.declined:
        click.echo(f"Policy version {stored.version} ({stored.source}) was declined; {stays} stays in force.")
        return
    click.echo(f"Policy version {stored.version} ({stored.source}) would decide more without reviewers:")
    for words in stored.widens:
        click.echo(f"  {words}")
    click.echo(f"A second person must confirm it at /policies/{stored.version}; until then, {stays} stays in force.")


def _head(stored: Any) -> dict[str, Any]:
    names = ("version", "digest", "source", "loaded_at", "loaded_by_name", "in_force_at", "decided_by_name")
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
        click.echo(f"error: this version cannot be read, so the strict default applies. {view.problem}", err=True)
    _print_warnings(view.warnings)
    for number, rule in enumerate(view.rules, 1):
        click.echo(f"\n{number}. {rule.name}")
        for label, words in _lines(rule):
            click.echo(f"   {label:<10} {words}")
    if view.risk_rules:
        click.echo("\nRisk rules")
    for name, part in view.risk_rules.items():
        click.echo(f"   {name}: {part.level.value if part.level else 'off'} ({part.reason})")
    if view.reading_tools:
        click.echo("\nReading tools")
    for pattern, reason in view.reading_tools.items():
        click.echo(f"   {pattern}: {reason}")


def _lines(rule: RuleSummary) -> Iterator[tuple[str, str]]:
    yield "when", " ".join(rule.when.split()) or "no rule above matches"
    if rule.decides:
        yield "decides", decides_words(rule.decides, rule.until, rule.sample)
    else:
        yield "approvals", ", then ".join(rule.asks)
        yield "deadline", f"{rule.deadline}; on expiry {rule.on_expiry}"
    yield from (("escalates", words) for words in rule.escalation)
    yield "changes", rule.windows
    if rule.also:
        yield "also", "; ".join(rule.also)


def _show_change(replayed: ReplayedRequest) -> None:
    about = ", ".join(filter(None, (replayed.workflow, replayed.kind.replace("_", " "), replayed.environment)))
    click.echo(f"{_local(replayed.opened_at)}  {without_hidden(replayed.title)} ({about}, {replayed.risk.value} risk)")
    click.echo(f"  request {replayed.id}: {replayed.state.words}")
    for found in replayed.differences:
        click.echo(f"  {found.label}: {without_hidden(found.before)} → {without_hidden(found.after)}")
    for words in replayed.consequences:
        click.echo(f"  ⇒ {without_hidden(words)}")
    click.echo()


def _sum_up(replay: Replay) -> None:
    if replay.rules:
        rows = [(rule.rule, rule.before, rule.after) for rule in replay.rules]
        print_table(("RULE", "ACTUAL", "WITH THIS FILE"), rows, "")
        click.echo()
    ended = sum(1 for replayed in replay.changed if replayed.state_after is not replayed.state)
    click.echo(
        f"{plural(replay.examined, 'request')} since {_local(replay.since)}: {len(replay.changed):,} would have been "
        f"treated differently, and {ended:,} would have had a different outcome."
    )
    if unseen := len(replay.unseen):
        refused = f", {replay.unseen_refused:,} of which people rejected or changed" if replay.unseen_refused else ""
        click.echo(f"People would no longer have seen {plural(unseen, 'request')}{refused}:")
        for replayed in replay.unseen:
            click.echo(f"  {replayed.id}  {'! ' if replayed.refused else ''}{without_hidden(replayed.title)}")
    if replay.stopped:
        why = "of --limit" if replay.stopped == "limit" else "time ran out"
        oldest = f" before {_local(replay.oldest)}" if replay.oldest else ""
        click.echo(f"Requests{oldest} were not examined because {why}.")


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")
