"""`assent serve`, `assent web`, and `assent worker`: the processes."""

from __future__ import annotations

import os
import shlex
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import click
import psycopg
import structlog

from app.cli.supervisor import ChildFailedError, Supervisor
from app.embedded import EmbeddedServer, find_running
from app.installation import COMMAND, PYTHON, ROOT, add_folder, child_python_path
from app.lifeline import follow_supervisor
from app.listening_socket import listen
from app.logs import configure_logs
from app.settings import Settings, SettingsError, check_folders, load_settings, with_secret_key

READY_SECONDS = 60.0
SAMPLE_VARIABLE = "ASSENT_TARGET_SHOP"
FOLDERS_VARIABLE = "ASSENT_INPUT_FOLDERS"
_WEB = (*PYTHON, str(ROOT / "wsgi.py"))
_ASSENT = (*PYTHON, "-m", "app.cli.main")
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))

log = structlog.get_logger("serve")


@click.command()
@click.option("--demo", is_flag=True, help="Fill an empty database with a demo, and print sign-in links.")
def serve(demo: bool) -> None:
    """Run everything: a database unless one is configured, migrations, web processes, and workers."""
    from app.cli.policy import configured_policy

    settings = with_secret_key(load_settings())
    configure_logs(settings, "serve")
    check_folders(settings)
    configured_policy(settings)  # reject an invalid file before anything is started
    with _database(settings) as (address, server):
        listen(settings).close()  # reject a port in use before anything else is started
        environment = _environment(settings, address) | {"ASSENT_DEMO": "true" if demo else "false"}
        sample = sample_address(address, server) if demo else ""
        if demo and not environment.get(SAMPLE_VARIABLE):
            environment[SAMPLE_VARIABLE] = sample
        if demo and not environment.get(FOLDERS_VARIABLE):
            environment[FOLDERS_VARIABLE] = _example_files(settings.data_dir.resolve())
        supervisor = Supervisor(environment, database=lambda: _server_start(address))
        with supervisor.signals():
            try:
                _run(supervisor, settings, server, _demo_command(sample) if demo else [])
            except ChildFailedError as failed:
                # The child has already printed its one-line error.
                sys.exit(failed.code if 0 < failed.code < 256 else 1)
            finally:
                supervisor.stop()


@click.command()
def web() -> None:
    """Run a web process on an existing, migrated database."""
    settings = with_secret_key(_with_database(load_settings()))
    os.execve(_WEB[0], _WEB, _environment(settings, settings.database_url))  # noqa: S606 - our own interpreter


@click.command()
def worker() -> None:
    """Run a worker process on an existing, migrated database."""
    from app.cli.schema import check_everything
    from app.services.key_rotation import check_keys_of
    from app.worker.main import run

    follow_supervisor()
    settings = with_secret_key(_with_database(load_settings()))
    configure_logs(settings, "worker")
    check_folders(settings)
    check_everything(settings.database_url)
    check_keys_of(settings)
    add_folder(Path.cwd())
    run(settings)


_SHOWN = ("ASSENT_DATA_DIR", "ASSENT_HOST", "ASSENT_PORT", "ASSENT_BASE_URL")
"""Settings that the printed command needs too, and that contain no secret."""


def _run(supervisor: Supervisor, settings: Settings, server: EmbeddedServer | None, demo: list[str]) -> None:
    if not supervisor.finish([*_ASSENT, "db", "upgrade", "--quiet"]):
        return
    # The demo loads the policy itself, once the people whom the policy names exist.
    if settings.policy_file and not demo and not supervisor.finish([*_ASSENT, "policy", "load"]):
        return
    for number in range(settings.web_processes):
        supervisor.add(f"web {number + 1}", _WEB)
    for number in range(settings.workers):
        supervisor.add(f"worker {number + 1}", [*_ASSENT, "worker"])
    if not supervisor.wait_for(lambda: _answers(settings), READY_SECONDS):
        if supervisor.stopping:
            return
        raise SettingsError(f"The web process does not answer on port {settings.port}.")
    if demo and not supervisor.finish(demo):
        return
    address = supervisor.environment["ASSENT_DATABASE_URL"]
    if not demo and _is_demo(address):
        click.echo("\n  This database was made by a demo, and stays marked as one: its past is invented. Use another")
        click.echo("  one for your own work (ASSENT_DATA_DIR or ASSENT_DATABASE_URL), or start it with --demo.")
    if _is_empty(address):
        click.echo("\n  Nobody can sign in yet. Add the first person, which prints a sign-in link:")
        given = "".join(f"{name}={shlex.quote(os.environ[name])} " for name in _SHOWN if os.environ.get(name))
        click.echo(f'    {given}{COMMAND} user add you@example.com --name "Your name" --role admin --role reviewer')
    click.echo(f"\n  Open  {settings.public_url}\n\n  Ctrl-C stops everything.\n")
    supervisor.watch(lambda: _revive(server))


def _is_empty(address: str) -> bool:
    with psycopg.connect(address) as connection:
        row = connection.execute("SELECT NOT EXISTS (SELECT FROM people)").fetchone()
    return bool(row and row[0])


def _is_demo(address: str) -> bool:
    with psycopg.connect(address) as connection:
        row = connection.execute("SELECT EXISTS (SELECT FROM demo_marks)").fetchone()
    return bool(row and row[0])


def sample_address(address: str, server: EmbeddedServer | None) -> str:
    """Return the sample database's address: on the embedded server, or on the configured one under a similar name."""
    if server is not None:
        return server.url("shop")
    parts = urlsplit(address)
    return urlunsplit(parts._replace(path=f"{parts.path or '/assent'}_shop"))


def _example_files(data_dir: Path) -> str:
    """Return the folders with the demo's packages and inventories, the only ones in which inputs may name files."""
    from workflows.asset_discovery.sample import write_samples
    from workflows.package_deployment.example import make_examples

    packages, inventories = data_dir / "example-packages", data_dir / "example-inventories"
    make_examples(packages)
    write_samples(inventories)
    return f"{packages},{inventories}"


def _demo_command(sample: str) -> list[str]:
    # If the operator has configured a target of that name, it is used as it is and never filled.
    return [*_ASSENT, "demo", *([] if os.environ.get(SAMPLE_VARIABLE) else ["--sample", sample])]


def _revive(server: EmbeddedServer | None) -> None:
    if server is not None and server.process.poll() is not None:
        log.error("the embedded PostgreSQL server died; restarting it", code=server.process.returncode)
        server.revive()
        log.info("the embedded PostgreSQL server runs again")


def _server_start(address: str) -> str | None:
    """When the database server was started; None while it does not answer."""
    try:
        with psycopg.connect(address, connect_timeout=3, application_name="assent serve") as connection:
            row = connection.execute("SELECT pg_postmaster_start_time()::text").fetchone()
        return str(row[0]) if row else ""
    except psycopg.Error:
        return None


def _answers(settings: Settings) -> bool:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - compared, not bound
    host = f"[{host}]" if ":" in host else host
    try:
        # A proxy in the environment is for the way out, not to ourselves.
        with _DIRECTLY.open(f"http://{host}:{settings.port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


@contextmanager
def _database(settings: Settings) -> Iterator[tuple[str, EmbeddedServer | None]]:
    if settings.database_url:
        yield settings.database_url, None
        return
    with EmbeddedServer(settings.data_dir) as server:
        yield server.ensure_database("assent"), server


def _with_database(settings: Settings) -> Settings:
    """Return settings with the database's address: the configured one, or the embedded one that `assent serve` runs."""
    address = settings.database_url or find_running(settings.data_dir)
    if address is None:
        raise SettingsError("ASSENT_DATABASE_URL: not set; `assent serve` runs a database of its own")
    return settings.model_copy(update={"database_url": address})


def _environment(settings: Settings, address: str) -> dict[str, str]:
    """Return the environment of child processes: ours, with the settings that we determined made explicit."""
    found = {
        "ASSENT_DATABASE_URL": address,
        "ASSENT_DATA_DIR": str(settings.data_dir.resolve()),
        "ASSENT_SECRET_KEY": settings.secret_key,
        "PYTHONPATH": child_python_path(),
    }
    if settings.web_processes > 1:
        found["ASSENT_REUSE_PORT"] = "true"
    return {**os.environ, **found}
