"""Opens requests for the interrupts on a LangGraph server, and resumes its threads with the decisions."""
