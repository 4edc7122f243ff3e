"""The command `assent mcp`, which is also `assent-mcp` and `python -m assent.mcp`."""

from __future__ import annotations

import os

import click

from assent.connection import AgentTokenError, check_address, checked_token


@click.command("mcp")
@click.option("--url", envvar="ASSENT_URL", default="", help="Address of the portal (ASSENT_URL).")
@click.option("--http", is_flag=True, help="Serve streamable HTTP at /mcp, instead of standard input and output.")
@click.option("--host", default="127.0.0.1", show_default=True, help="With --http: address to listen on.")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(1, 65535), help="With --http.")
@click.option("--allow-host", multiple=True, help="With --http: a Host header to accept, such as mcp.example.com.")
@click.option("--allow-origin", multiple=True, help="With --http: an Origin header to accept, from browser pages.")
@click.option("--shared-token", is_flag=True, help="With --http: callers without a token use ASSENT_TOKEN.")
@click.option("--workflow", default="", help="Default workflow name of requests.")
@click.option("--environment", default="", help="Environment of permission prompts, such as production.")
def mcp(
    url: str, http: bool, host: str, port: int, allow_host: tuple[str, ...], allow_origin: tuple[str, ...],
    shared_token: bool, workflow: str, environment: str,
) -> None:  # fmt: skip
    """Serve MCP tools with which agents request approval and wait for it.

    The agent's token comes from ASSENT_TOKEN; over HTTP, each caller sends its own.
    """
    check_address("ASSENT_URL", url)
    try:
        from assent.mcp.callers import Callers
        from assent.mcp.http import LOOPBACK, security, serve
        from assent.mcp.server import build_server
        from assent.mcp.tools import Tools
    except ModuleNotFoundError as error:
        raise click.ClickException(f"{error}. Install its dependencies: pip install 'assent-sdk[mcp]'") from error
    if http and host not in LOOPBACK and not allow_host:
        raise click.UsageError("Name each Host header that clients use: --allow-host mcp.example.com")
    callers = Callers(url.rstrip("/"))
    if shared_token or not http:
        try:
            callers.token = checked_token(os.environ.get("ASSENT_TOKEN", "").strip())
        except AgentTokenError as error:
            raise click.ClickException(str(error)) from error
    server = build_server(Tools(callers, workflow, environment))
    if http:
        serve(server, callers, host, port, security(host, port, allow_host, allow_origin))
    else:
        server.run("stdio")


def main() -> None:
    """Run the command as a program of its own."""
    mcp(prog_name="assent-mcp")
