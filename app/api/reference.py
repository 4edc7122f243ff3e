"""The table of all calls for `docs/api.md`, made from the description; `bin/api-reference` prints it."""

from __future__ import annotations

from app.api import openapi
from app.api.docs import operations
from app.api.register import endpoints


def rows() -> list[str]:
    """A line of Markdown for each call."""
    return [
        f"| `{each.method} {each.path}` | `{each.name}` | {' '.join(f'`{scope}`' for scope in each.scopes)} | "
        f"{each.summary} |"
        for each in operations(openapi.document(endpoints()))
    ]


if __name__ == "__main__":
    print("\n".join(rows()))
