"""What is called in the sandbox to see whether there is one."""


def nothing() -> bool:
    """Return True."""
    return True
