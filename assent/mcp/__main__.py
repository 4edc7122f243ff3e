"""`python -m assent.mcp`: runs the server without the portal's command line."""

from assent.mcp.command import main

main()
