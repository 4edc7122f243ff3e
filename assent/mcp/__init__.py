"""The MCP server, whose tools request approval and wait for it. It calls the portal only through the SDK."""
