"""What goes wrong while an installer is read."""

from __future__ import annotations


class InstallerError(Exception):
    """The installer, or a part of it, cannot be read. The message is a sentence for people that says why."""


def words_for(error: BaseException) -> str:
    """Return what went wrong, in a sentence that quotes nothing from the file."""
    if isinstance(error, InstallerError):
        return str(error)
    if isinstance(error, ImportError):
        return "The part that reads it is not installed."
    if isinstance(error, MemoryError):
        return "It takes more memory than is allowed."
    if isinstance(error, RecursionError):
        return "It is nested too deeply."
    if isinstance(error, OSError) and error.errno is not None:
        return f"The file cannot be read: {error.strerror}."
    return f"It is damaged, or of a kind that is not supported ({type(error).__name__})."
