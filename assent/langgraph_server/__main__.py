"""`python -m assent.langgraph_server`: the same as `assent langgraph-server`."""

from assent.langgraph_server.command import main

main()
