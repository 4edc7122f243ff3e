"""The MCP server: agents ask for approval and wait for it as tools. It speaks to the portal over the SDK only."""
