"""What a server's version changes, and that a proposal without one is the same as before there was the field."""

import pytest

from app.risk.assess import assess_proposal
from assent.contracts import Optimizations, Script, document_of


def level_of(text, version, dialect="postgres"):
    script = {"kind": "script", "language": "sql", "dialect": dialect, "content": text, "server_version": version}
    return assess_proposal(script).level.value


@pytest.mark.parametrize(
    ("dialect", "text", "version", "level"),
    [
        ("postgres", "ALTER TABLE orders ADD COLUMN a int DEFAULT 0", "10.23", "high"),
        ("postgres", "ALTER TABLE orders ADD COLUMN a int DEFAULT 0", "11.2", "medium"),
        ("postgres", "ALTER TABLE orders ADD COLUMN a int DEFAULT 0", "", "medium"),
        ("postgres", "ALTER TABLE orders ADD COLUMN a int", "9.6", "medium"),
        ("mysql", "ALTER TABLE orders ADD COLUMN a int", "5.7.44", "high"),
        ("mysql", "ALTER TABLE orders ADD COLUMN a int", "8.0.36", "medium"),
        ("postgres", "ALTER TABLE orders ADD COLUMN a int DEFAULT 0", "not a version", "medium"),
    ],
)
def test_the_version_decides_what_locks(dialect, text, version, level):
    assert level_of(text, version, dialect) == level


@pytest.mark.parametrize(("version", "found"), [("11.5", True), ("12.1", False), ("", False)])
def test_a_value_of_an_enum_in_a_transaction(version, found):
    text = "BEGIN; ALTER TYPE state ADD VALUE 'closed'; COMMIT"
    script = {"kind": "script", "language": "sql", "dialect": "postgres", "content": text, "server_version": version}
    rules = {finding.rule for finding in assess_proposal(script).findings}
    assert ("sql.transaction.not_allowed" in rules) is found


def test_a_proposal_without_a_version_is_as_before():
    items = [{"id": "a", "title": "a", "statement": "SELECT 1"}]
    for proposal in (
        Script(title="a", language="sql", content="SELECT 1"),
        Optimizations(title="a", items=items),
    ):
        assert "server_version" not in document_of(proposal)
        changed = proposal.model_copy(update={"server_version": "15.4"})
        assert document_of(changed)["server_version"] == "15.4"
