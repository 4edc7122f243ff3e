"""Hooks of coding agents: the formats in which they ask about a tool call, and the command that passes it on.

`assent hook` starts before each tool call of an agent, so its modules load nothing but the standard library, and little
of that. The portal's endpoint uses the same formats.
"""
