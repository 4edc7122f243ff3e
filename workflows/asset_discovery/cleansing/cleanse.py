"""A table and its mapping become typed columns, one for each field, with a list of all changes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import polars as pl

from workflows.asset_discovery.cleansing.columns import (
    IDENTITY,
    RULE_TYPE,
    TYPES,
    ReadColumn,
    Texts,
    quoted,
    read_column,
)
from workflows.asset_discovery.cleansing.derived import with_derived
from workflows.asset_discovery.cleansing.names import KnownDomains, plain_name
from workflows.asset_discovery.cleansing.readers import Context, reader_for
from workflows.asset_discovery.cleansing.rules import FACTS, Rule
from workflows.asset_discovery.cleansing.texts import looks_misread
from workflows.asset_discovery.fields import FACTS as FIELD_FACTS
from workflows.asset_discovery.fields import Field, ValueKind
from workflows.asset_discovery.mapped import THRESHOLD, ColumnMapping, Mapping
from workflows.asset_discovery.tables import ProblemKind, RowProblem, Table

Exclusion = Rule | tuple[str, Rule]
"""A rule that is left out: everywhere, or in one column."""
# Names and addresses come first, because lists of dependencies refer to them.
_ORDER = (*IDENTITY, *(field for field in Field if field not in (*IDENTITY, Field.IGNORE)))
_GERMAN = ("ß", "nr.", "gerät", "hersteller", "standort", "betriebssystem", "seriennummer", "bezeichnung")
_MISREAD = "seems to have been read in the wrong encoding"
_ROUNDED = "rounded by a spreadsheet, so that it identifies nothing"
_NO_IDENTITY = "no name, FQDN, IP address, MAC address, or serial number"


@dataclass(frozen=True)
class Cleansed:
    """A cleansed table.

    Attributes:
        frame: A row for each of the table's. `_row` and `_line` (see `Table`), `_file`, `_sheet`, and `_valid` (whether
            it has an identity, and no value that cannot be right); then a column for each field: text, numbers as
            Float64 (memory in MiB, disks in GiB), dates, and lists of texts; null for nothing. Where no column
            has names, they are the first labels of the domain names. Then what is derived for comparing and
            counting (`derived.DERIVED`): a class is null where the text names none.
        changes: A row for each cell that was changed: `row`, `line`, `column`, `field`, `before` (as in the file, at
            most 200 characters), `after` (null for nothing), `rule`, `beyond_form`.
        problems: Rows without identity, values that cannot be right (both make a row invalid), and hazards.
        doubts: Columns that seem to be mapped wrongly, with the reason: most of their cells cannot be read.
    """

    frame: pl.DataFrame
    changes: pl.DataFrame
    problems: list[RowProblem]
    doubts: dict[str, str]


def cleanse(table: Table, mapping: Mapping, without: Collection[Exclusion] = ()) -> Cleansed:
    """Cleanse a table.

    No row is dropped: the frame has those of the table, in their order.

    Args:
        without: Rules that people have not approved, for all columns or for one. What they would have changed remains
            as it is, or becomes empty where the field cannot hold it.
    """
    known = set(table.frame.columns)
    mapped = [column for column in mapping.columns if column.column in known]
    steps = _Steps(table, Mapping(mapping.file, mapping.sheet, tuple(mapped)), without)
    for field in _ORDER:
        steps.read(field)
    return steps.finished()


class _Steps:
    """The fields that were read so far."""

    def __init__(self, table: Table, mapping: Mapping, without: Collection[Exclusion]) -> None:
        self._table = table
        self._mapping = mapping
        self._without = without
        self._read: dict[Field, list[tuple[ColumnMapping, ReadColumn]]] = {}
        self._values: dict[Field, pl.Series] = {}
        self._context = Context(table.frame, self._domains())
        headings = " ".join(column.key.casefold() for column in table.columns)
        self._german = any(word in headings for word in _GERMAN)

    def _domains(self) -> KnownDomains:
        texts: list[str] = []
        for field in (Field.FQDN, Field.NAME):
            for column in self._mapping.of(field):
                texts += self._table.frame[column.column].drop_nulls().unique().str.strip_chars().to_list()
        return KnownDomains.of(texts)

    def read(self, field: Field) -> None:
        """Read the columns that are mapped to a field, and take the first value of each row, or all for a list."""
        if field is Field.DEPENDS_ON and self._mapping.of(field):
            self._context.known = self._known_names()
        read = [(column, self._column(column)) for column in self._mapping.of(field)]
        self._read[field] = read
        dtype = TYPES[FIELD_FACTS[field].value]
        if not read:
            self._values[field] = pl.Series(field.value, [None] * self._table.frame.height, dtype=dtype)
            return
        parts = pl.DataFrame([part.values.alias(str(place)) for place, (_, part) in enumerate(read)])
        if FIELD_FACTS[field].value is ValueKind.LIST and len(read) > 1:
            filled = [pl.col(name).fill_null([]) for name in parts.columns]
            joined = pl.concat_list(filled).list.unique(maintain_order=True)
            merged = parts.select(pl.when(joined.list.len() > 0).then(joined))
        else:
            merged = parts.select(pl.coalesce(pl.all()))
        self._values[field] = merged.to_series().alias(field.value)

    def _column(self, column: ColumnMapping) -> ReadColumn:
        series = self._table.frame[column.column]
        texts = Texts.of(series, column.field)
        reader = reader_for(column.field, column.column, column.unit, texts, self._context)
        left_out = {rule for rule in Rule if rule in self._without or (column.column, rule) in self._without}
        return read_column(series, column.field, texts, reader, left_out, self._german)

    def _known_names(self) -> dict[str, str]:
        """The name of each asset by what others may call it; what several assets are called decides nothing."""
        self._fill_domain_names()
        names = self._values[Field.NAME]
        more = [part.values.alias(f"_{place}") for place, (_, part) in enumerate(self._read[Field.NAME])]
        others = [self._values[field] for field in (Field.FQDN, Field.SERIAL_NUMBER, Field.IP_ADDRESS)]
        known: dict[str, str] = {}
        several: set[str] = set()
        called = pl.DataFrame([names, *others, *more]).filter(pl.col("name").is_not_null())
        for name, fqdn, serial, addresses, *aliases in called.iter_rows():
            for other in (fqdn, serial, *(addresses or ()), *aliases, plain_name(name)):
                key = other.casefold() if other else ""
                if key and known.setdefault(key, name).casefold() != name.casefold():
                    several.add(key)
        for key in several:
            del known[key]
        return known | {name.casefold(): name for name in names.drop_nulls().to_list()}

    def _fill_domain_names(self) -> None:
        """What names and domain names gave away to the other fields."""
        moved = [part.cells["moved"] for _, part in self._read[Field.NAME]]
        if moved:
            filled = pl.DataFrame(
                [self._values[Field.FQDN], *(series.alias(f"_{place}") for place, series in enumerate(moved))]
            )
            self._values[Field.FQDN] = filled.select(pl.coalesce(pl.all()).alias("fqdn")).to_series()
        if not self._read[Field.NAME]:
            # A table without names has them in its domain names.
            hosts = self._values[Field.FQDN].str.split(".").list.first().alias("name")
            self._values[Field.NAME] = hosts
        for _, part in self._read[Field.FQDN]:
            address = part.cells["moved"]
            if address.null_count() < len(address):
                both = pl.DataFrame([self._values[Field.IP_ADDRESS], address])
                self._values[Field.IP_ADDRESS] = both.select(
                    pl.coalesce(
                        "ip_address", pl.when(pl.col("moved").is_not_null()).then(pl.concat_list("moved"))
                    ).alias("ip_address")
                ).to_series()

    def finished(self) -> Cleansed:
        """The cleansed table."""
        self._fill_domain_names()
        frame = pl.DataFrame([self._values[field] for field in _ORDER]).select(
            [field.value for field in Field if field is not Field.IGNORE]
        )
        lines = pl.Series("_line", self._table.lines, dtype=pl.UInt32)
        rows = pl.Series("_row", self._table.rows, dtype=pl.UInt32)
        # Reading has named the hazards that it could see.
        named = {(problem.row, problem.column) for problem in self._table.problems}
        found = [*self._problems(), *self._without_identity(frame)]
        problems = [
            item for item in found if item.kind is not ProblemKind.HAZARD or (item.row, item.column) not in named
        ]
        invalid = {problem.row for problem in problems if problem.kind is not ProblemKind.HAZARD}
        frame = frame.select(
            rows,
            lines,
            pl.lit(self._table.file).alias("_file"),
            pl.lit(self._table.sheet).alias("_sheet"),
            (~rows.is_in(list(invalid))).alias("_valid"),
            pl.all(),
        )
        problems.sort(key=lambda problem: (problem.row, problem.column))
        doubts = {column.column: part.doubtful for column, part in self._columns() if part.doubtful}
        return Cleansed(with_derived(frame), self._changes(rows, lines), problems, doubts)

    def _columns(self) -> Iterator[tuple[ColumnMapping, ReadColumn]]:
        for read in self._read.values():
            yield from read

    def _changes(self, rows: pl.Series, lines: pl.Series) -> pl.DataFrame:
        columns = pl.Enum(list(dict.fromkeys(self._table.frame.columns)))
        fields = pl.Enum([field.value for field in Field])
        beyond = [rule.value for rule in Rule if FACTS[rule].beyond_form]
        parts = [
            part.cells.select(
                rows.alias("row"),
                lines.alias("line"),
                pl.lit(column.column, dtype=columns).alias("column"),
                pl.lit(column.field.value, dtype=fields).alias("field"),
                quoted("text").alias("before"),
                quoted("after").alias("after"),
                pl.col("rule"),
                pl.col("rule").cast(pl.String).is_in(beyond).alias("beyond_form"),
            ).filter(pl.col("rule").is_not_null())
            for column, part in self._columns()
        ]
        empty = pl.DataFrame(
            schema={
                "row": pl.UInt32(), "line": pl.UInt32(), "column": columns, "field": fields, "before": pl.String(),
                "after": pl.String(), "rule": RULE_TYPE, "beyond_form": pl.Boolean(),
            }
        )  # fmt: skip
        return pl.concat([empty, *parts]).sort("row", maintain_order=True)

    def _problems(self) -> Iterator[RowProblem]:
        for column, part in self._columns():
            cells = part.cells.select("text", "problem", "rule").with_row_index("index")
            # What a column that is mapped by a mere guess cannot hold speaks against the guess, not against the row.
            kind = ProblemKind.VALUE if column.confidence >= THRESHOLD else ProblemKind.HAZARD
            for index, text, why, _ in cells.filter(pl.col("problem").is_not_null()).iter_rows():
                yield self._problem(index, kind, f"{FIELD_FACTS[column.field].title}: {why}", column.column, text)
            for index, text, *_ in cells.filter(pl.col("rule") == Rule.PRECISION.value).iter_rows():
                yield self._problem(index, ProblemKind.HAZARD, _ROUNDED, column.column, text)
            # Only text that is not ASCII can have been misread.
            foreign = cells.filter(pl.col("text").str.contains(r"[^\x00-\x7F]"))
            for index, text, *_ in foreign.iter_rows():
                if looks_misread(text):
                    yield self._problem(index, ProblemKind.HAZARD, _MISREAD, column.column, text)

    def _without_identity(self, frame: pl.DataFrame) -> Iterator[RowProblem]:
        missing = frame.select(pl.all_horizontal(pl.col(field.value).is_null() for field in IDENTITY)).to_series()
        for index in missing.arg_true().to_list():
            yield self._problem(index, ProblemKind.IDENTITY, _NO_IDENTITY)

    def _problem(self, index: int, kind: ProblemKind, why: str, column: str = "", text: str = "") -> RowProblem:
        return RowProblem(self._table.rows[index], self._table.lines[index], kind, why, column, text[:200])
