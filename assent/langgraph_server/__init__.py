"""What waits on a LangGraph server is asked at the portal, and what people decide is resumed there."""
