"""The server, without a transport."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import ValidationError

from assent.mcp import permission
from assent.mcp.callers import invalid_words
from assent.mcp.tools import Tools
from assent.version import VERSION

INSTRUCTIONS = """\
Assent is this organization's approval desk. Before an action that requires review, call request_approval, and wait
with wait_for_approval until people have decided; they may change your proposal. Do only what an approved `payload`
says, then call report_receipt. You cannot approve anything yourself: people decide on the page at `url`, so give your
user that address while you wait."""


class Server(MCPServer[Any]):
    """The MCP server, which answers every permission prompt with JSON, even one that it cannot read."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool. Raises ToolError, except for permission prompts, which are denied."""
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if name != Tools.permission_prompt.__name__:
                raise
            cause = error.__cause__
            words = f"The prompt cannot be read: {invalid_words(cause)}" if isinstance(cause, ValidationError) else ""
            words = words or f"The prompt failed: {type(cause or error).__name__}"
            text = permission.denied(f"{words}. Nothing may be run.")
            return CallToolResult(content=[TextContent(type="text", text=text)])


def build_server(tools: Tools) -> MCPServer[Any]:
    """Return the server with its tools."""
    server = Server(
        "assent", title="Assent", instructions=INSTRUCTIONS, version=VERSION, log_level="WARNING"
    )
    asks, reads = ToolAnnotations(destructive_hint=False), ToolAnnotations(read_only_hint=True)
    again = ToolAnnotations(destructive_hint=False, idempotent_hint=True)
    offered: list[tuple[Callable[..., Any], str, ToolAnnotations]] = [
        (tools.request_approval, "Request approval", asks),
        (tools.wait_for_approval, "Wait for approval", reads),
        (tools.approval_status, "Get the status of a request", reads),
        (tools.report_receipt, "Report what was done", again),
        (tools.withdraw_request, "Cancel a request", again),
        (tools.permission_prompt, "Permission prompt", asks),
    ]
    for tool, title, hints in offered:
        words = " ".join((tool.__doc__ or "").split())
        # A permission prompt's answer must be one text, without structured content.
        structured = None if tool != tools.permission_prompt else False
        server.add_tool(tool, title=title, description=words, annotations=hints, structured_output=structured)
    return server
