"""The table of all operations for `docs/api.md`, from the description; `bin/api-reference` prints it."""

from __future__ import annotations

from app.api import openapi
from app.api.docs import Operation, operations
from app.api.register import endpoints


def rows() -> list[str]:
    """A row of a Markdown table for each operation."""
    return [_row(operation) for operation in operations(openapi.document(endpoints()))]


def _row(operation: Operation) -> str:
    scopes = " ".join(f"`{scope}`" for scope in operation.scopes)
    return f"| `{operation.method} {operation.path}` | `{operation.name}` | {scopes} | {operation.summary} |"


if __name__ == "__main__":
    print("\n".join(rows()))
