"""Where the insides of libraries are known: in few modules, for a bounded range of versions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSIDES = {
    # Its tables and functions in SQL. Workers use its Python classes, too.
    r"procrastinate_[a-z]": {"app/store/jobs.py", "app/store/migrate.py"},
    r"^\s*(import|from) procrastinate": {
        "app/worker/connector.py", "app/worker/courier.py", "app/worker/main.py", "app/worker/queue.py",
    },
    # Its tables in SQL, and the methods of its saver that are not public.
    r"\b(into|from|update|table|join) checkpoint(s|_blobs|_writes)\b": {
        "app/runtime/checkpoint_tables.py", "app/store/erasure.py", "app/store/thread_order.py",
    },
    r"^\s*from langgraph\.checkpoint\.postgres": {"app/cli/schema.py", "app/runtime/checkpoint_tables.py"},
    r"SELECT_SQL|_load_(blobs|writes)\b|_search_where|_stage1|_stage2|_DeltaSnapshot": {
        "app/runtime/checkpoint_tables.py",
    },
}  # fmt: skip
BOUNDED = {"langgraph-checkpoint-postgres", "procrastinate"}


@pytest.mark.parametrize("pattern", INSIDES)
def test_the_insides_of_a_library_are_known_in_few_modules(pattern: str) -> None:
    found = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "app").rglob("*.py")
        if re.search(pattern, file.read_text(), re.MULTILINE | re.IGNORECASE)
    }
    assert found <= INSIDES[pattern]


def test_libraries_whose_insides_are_used_have_upper_bounds() -> None:
    for file in (ROOT / "pyproject.toml", *ROOT.glob("*/pyproject.toml")):
        dependencies = tomllib.loads(file.read_text())["project"]["dependencies"]
        named = {re.split(r"[^\w-]", dependency)[0]: dependency for dependency in dependencies}
        for name in BOUNDED & set(named):
            assert ",<" in named[name], f"{file}: {named[name]}"
