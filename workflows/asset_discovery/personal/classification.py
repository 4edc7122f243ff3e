"""How the data of an inventory is classified, and what follows from that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.personal.kinds import PersonalColumn, Sensitivity

if TYPE_CHECKING:
    from workflows.asset_discovery.mapped import Mapping
    from workflows.asset_discovery.tables import Table

_CATALOG = {Field.MANUFACTURER, Field.MODEL, Field.OS, Field.OS_VERSION}
"""Facts that every catalog of a manufacturer contains."""


@dataclass(frozen=True)
class Obligations:
    """What follows from a classification.

    Attributes:
        masked: Its values are masked in proposals, lessons, and reports.
        encrypted: It is encrypted wherever it is stored.
        audited: Each access by a person is on the audit log.
        erasable: It is deleted on request, with what was derived from it.
        retention: How long it is kept.
        audience: Who may see it unmasked.
    """

    masked: bool
    encrypted: bool
    audited: bool
    erasable: bool
    retention: str
    audience: str

    @property
    def words(self) -> tuple[str, ...]:
        """As pages and reports list them."""
        said = (
            (self.masked, "Samples are masked in proposals, lessons, and reports."),
            (self.encrypted, "It is encrypted at rest."),
            (self.audited, "Each access by a person is on the audit log, with address and client."),
            (self.erasable, "It is deleted on request, with everything derived from it."),
        )
        return (*(words for holds, words in said if holds), f"Kept: {self.retention}.", f"Seen by: {self.audience}.")


OBLIGATIONS: dict[Sensitivity, Obligations] = {
    Sensitivity.PUBLIC: Obligations(False, False, False, False, "as long as it is useful", "everybody"),
    Sensitivity.INTERNAL: Obligations(
        False, True, True, False, "as long as the inventory is used", "people who may see the run"
    ),
    Sensitivity.CONFIDENTIAL: Obligations(
        True, True, True, True, "until its results are no longer used", "people who may see the run"
    ),
    Sensitivity.RESTRICTED: Obligations(
        True,
        True,
        True,
        True,
        "no longer than the inventory takes; then delete what the run holds",
        "as few people as possible",
    ),
}


@dataclass(frozen=True)
class Classification:
    """How a table is classified.

    Attributes:
        columns: The class of each column by its key, in the order of the table.
        level: The highest of them: that of the file.
    """

    columns: dict[str, Sensitivity]
    level: Sensitivity

    @property
    def obligations(self) -> Obligations:
        """What follows for the file."""
        return OBLIGATIONS[self.level]

    def counts(self) -> dict[Sensitivity, int]:
        """How many columns each class has, the highest first; classes without columns are left out."""
        levels = sorted(self.columns.values(), key=lambda level: -level.rank)
        return {level: levels.count(level) for level in dict.fromkeys(levels)}


def classify(table: Table, personal: Iterable[PersonalColumn], mapping: Mapping | None = None) -> Classification:
    """Classify the columns of a table: what an inventory says of machines is internal, unless any catalog says it too.

    Args:
        personal: The columns with personal data, as `recognize` returns them.
        mapping: What the columns mean; None: not known yet, so none is public.
    """
    catalog = {item.column for item in mapping.columns if item.field in _CATALOG} if mapping else set()
    levels = {
        column.key: Sensitivity.PUBLIC if column.key in catalog else Sensitivity.INTERNAL for column in table.columns
    }
    levels |= {item.column: item.sensitivity for item in personal}
    return Classification(levels, max(levels.values(), key=lambda level: level.rank, default=Sensitivity.INTERNAL))
