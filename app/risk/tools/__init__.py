"""Reading tool calls: what a tool is, by its name, and what its arguments would make it do."""
