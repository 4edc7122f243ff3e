"""`assent hook`, as the other commands see it. What is started without them is `assent.hooks.command`."""

from __future__ import annotations

import click

from assent.hooks.command import main


@click.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def hook(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Answer the hook of a coding agent, or set it up in a project."""
    context.exit(main(list(arguments)))
