"""Where `assent` starts. `assent hook` precedes each tool call of a coding agent, so it loads no part of the portal."""

from __future__ import annotations

import sys


def main() -> None:
    """Run a command."""
    if sys.argv[1:2] == ["hook"]:
        from assent.hooks.command import main as hook

        sys.exit(hook(sys.argv[2:]))
    from app.cli.main import main as command

    command()


if __name__ == "__main__":
    main()
