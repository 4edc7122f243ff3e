"""The command `assent langgraph-server`, which is also `python -m assent.langgraph_server`."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from contextlib import suppress

import click

from assent.connection import AgentTokenError, check_address, checked_token
from assent.header_values import header_problem


@click.command("langgraph-server")
@click.option("--server", envvar="LANGGRAPH_SERVER_URL", default="", help="Server address (LANGGRAPH_SERVER_URL).")
@click.option("--url", envvar="ASSENT_URL", default="", help="Portal address (ASSENT_URL).")
@click.option("--graph", default="", help="Watch only threads of this graph.")
@click.option("--workflow", default="", help="Workflow name of requests; default: the graph's name.")
@click.option("--every", default=5.0, show_default=True, type=click.FloatRange(0.1), help="Seconds between two polls.")
def langgraph_server(server: str, url: str, graph: str, workflow: str, every: float) -> None:
    """Open requests for a LangGraph server's interrupted threads, and resume the threads with the decisions.

    The server's key comes from LANGGRAPH_API_KEY, the agent's token from ASSENT_TOKEN. Runs until it is stopped;
    requests then stay open, and the next start continues with them.
    """
    check_address("LANGGRAPH_SERVER_URL", server)
    check_address("ASSENT_URL", url)
    try:
        token = checked_token(os.environ.get("ASSENT_TOKEN", "").strip())
        server_key = os.environ.get("LANGGRAPH_API_KEY", "").strip()
        if problem := header_problem(server_key):
            raise click.UsageError(f"LANGGRAPH_API_KEY {problem}.")
    except AgentTokenError as error:
        raise click.ClickException(str(error)) from error
    try:
        from assent.errors import SignInError
        from assent.langgraph_server.bridge import Bridge
    except ModuleNotFoundError as error:
        raise click.ClickException(f"{error}. Install its dependencies: pip install 'assent-sdk[langgraph]'") from error
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("assent.langgraph_server").info("watching %s, opening requests at %s", server, url)

    async def work() -> None:
        from langgraph_sdk import get_client

        from assent.client import AsyncAssent

        task = asyncio.current_task()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)  # type: ignore[union-attr]
        remote = get_client(url=server, api_key=server_key or None)
        async with remote, AsyncAssent(url.rstrip("/"), token) as client:
            await Bridge(remote, client, graph, workflow, every).run()

    try:
        with suppress(asyncio.CancelledError):
            asyncio.run(work())
    except SignInError as error:
        raise click.ClickException(f"The portal at {url} does not accept the token: {error}") from error


def main() -> None:
    """Run the command as a program of its own."""
    langgraph_server(prog_name="assent-langgraph-server")
