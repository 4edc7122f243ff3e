"""`assent`, the command line. Modules of commands are imported when called, so that each starts quickly."""

from __future__ import annotations

import importlib
import sys

import click

from app.domain.errors import AssentError
from app.embedded import EmbeddedError
from app.settings import SettingsError
from assent.version import VERSION

COMMANDS = {
    "serve": "app.cli.serve:serve",
    "web": "app.cli.serve:web",
    "worker": "app.cli.serve:worker",
    "db": "app.cli.database:db",
    "demo": "app.cli.demo:demo",
    "user": "app.cli.people:user",
    "token": "app.cli.tokens:token",
    "absence": "app.cli.absences:absence",
    "policy": "app.cli.policy:policy",
    "workflow": "app.cli.workflow:workflow",
    "tools": "app.cli.tools:tools",
    "run": "app.cli.runs:run",
    "route": "app.cli.route:route",
    "approvals": "app.cli.approvals:approvals",
    "grants": "app.cli.grants:grants",
    "audit": "app.cli.audit:audit",
    "langgraph-server": "assent.langgraph_server.command:langgraph_server",
    "mcp": "assent.mcp.command:mcp",
    "hook": "app.cli.hook:hook",
    "files": "app.cli.files:files",
    "keys": "app.cli.keys:keys",
    "push-key": "app.cli.push_key:push_key",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="assent")
def cli() -> None:
    """Human approval for what AI agents do."""


def main() -> None:
    """Run a command. An error is one line on standard error and a nonzero exit code."""
    try:
        cli.main(prog_name="assent", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as leaving:
        sys.exit(leaving.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except (AssentError, SettingsError, EmbeddedError) as error:
        sys.exit(f"assent: {error}")
    except BrokenPipeError:  # such as `assent audit list | head`
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        from app.store.failures import MISSING_RIGHT, state_of, unavailability
        from app.store.migrate import missing_right, one_line

        if state_of(error) == MISSING_RIGHT:
            sys.exit(f"assent: {missing_right(error)}")
        if words := unavailability(error):
            sys.exit(f"assent: {words} ({one_line(error.__cause__ or error)})")
        raise


if __name__ == "__main__":
    main()
