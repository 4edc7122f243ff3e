"""Which reader a column gets, from its field and from what its cells show together."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from workflows.asset_discovery.cleansing import dates, numbers
from workflows.asset_discovery.cleansing.addresses import read_ips, read_macs
from workflows.asset_discovery.cleansing.columns import Reader, Texts
from workflows.asset_discovery.cleansing.names import KnownDomains, read_fqdn, read_name, read_names
from workflows.asset_discovery.cleansing.outcomes import Outcome
from workflows.asset_discovery.cleansing.rules import Rule
from workflows.asset_discovery.cleansing.serials import read_serial
from workflows.asset_discovery.fields import Field

_POWERS = {Field.MEMORY_MB: 2, Field.DISK_GB: 3}
_UNIT_IN_HEADING = re.compile(r"[(\[_ ,]([KMGTкмгт]i?[BoБб]|bytes|octets)[)\]]?$", re.IGNORECASE)
_DATE_LIKE = r"^\s*\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4}\b"
_SAMPLE = 2_000
# What scanners write where they could not tell the system.
_NO_SYSTEM = re.compile(
    r"too many fingerprints.*|no (?:exact )?(?:os )?match.*|os detection.*|other|generic|linux/unix\?|"
    r"unidentified",
    re.IGNORECASE,
)


@dataclass
class Context:
    """What readers know of the table around a column.

    Attributes:
        frame: The table's cells as texts.
        domains: The domains of its assets.
        known: Names of its assets, by name, domain name, and address in lower case.
    """

    frame: pl.DataFrame
    domains: KnownDomains = field(default_factory=KnownDomains)
    known: dict[str, str] = field(default_factory=dict)

    @cached_property
    def day_evidence(self) -> tuple[int, int]:
        """What all columns together show about the order of day and month."""
        first = second = 0
        for series in self.frame.head(_SAMPLE).iter_columns():
            texts = series.drop_nulls().unique()
            dated = texts.filter(texts.str.contains(_DATE_LIKE)).to_list()
            one, two = dates.day_evidence(dated)
            first, second = first + one, second + two
        return first, second


def reader_for(target: Field, column: str, unit: str, texts: Texts, context: Context) -> Reader:
    """The reader of a column that is mapped to a field.

    Args:
        unit: The unit of bare numbers, or empty.
    """
    match target:
        case Field.CPU_COUNT | Field.MEMORY_MB | Field.DISK_GB:
            return _numbers(target, column, unit, texts)
        case Field.PURCHASED_ON | Field.SUPPORT_ENDS_ON:
            return _dates(texts, context)
        case Field.IP_ADDRESS:
            return read_ips
        case Field.MAC_ADDRESS:
            return read_macs
        case Field.SERIAL_NUMBER:
            return _serials(texts)
        case Field.NAME:
            return lambda text: read_name(text, context.domains)
        case Field.FQDN:
            return read_fqdn
        case Field.DEPENDS_ON:
            return lambda text: read_names(text, context.domains, context.known)
        case Field.OS:
            return lambda text: Outcome(None, Rule.EMPTY) if _NO_SYSTEM.fullmatch(text) else Outcome(text)
        case _:
            return Outcome


def _serials(texts: Texts) -> Reader:
    """Words that several devices have in place of a serial number, where serial numbers have digits, are none."""
    with_digits = sum(any(char.isdigit() for char in text) for text in texts.clean)
    cells: dict[str, int] = {}
    for text, count in zip(texts.clean, texts.counts, strict=True):
        cells[text.casefold()] = cells.get(text.casefold(), 0) + count
    common = {text for text, count in cells.items() if count > 1 and not any(char.isdigit() for char in text)}
    if with_digits * 2 < len(texts.clean):
        return read_serial
    return lambda text: Outcome(None, Rule.PLACEHOLDER) if text.casefold() in common else read_serial(text)


def _numbers(target: Field, column: str, unit: str, texts: Texts) -> Reader:
    meant = texts.meant()
    style = numbers.style_of(meant)
    zeros = sum(
        count for text, count in zip(texts.clean, texts.counts, strict=True) if re.fullmatch(r"0+(?:[.,]0+)?", text)
    )
    zero_is_nothing = zeros > 4 and zeros * 50 > sum(texts.counts)
    power = _POWERS.get(target)
    if power is None:
        return numbers.NumberReader(None, style=style, zero_is_nothing=zero_is_nothing).read
    heading = _UNIT_IN_HEADING.search(column)
    bare = numbers.unit_power(unit) if unit else numbers.unit_power(heading[1]) if heading else None
    plain = numbers.NumberReader(None, style=style)
    read = [plain.read(text).value for text in meant if re.fullmatch(r"[\d.,' ]+", text)]
    known = sorted(value for value in read if isinstance(value, float))
    guessed = bare is None
    if bare is None:
        bare = numbers.guessed_power(power, known)
    typical = known[len(known) // 2] if len(known) > 2 else None
    return numbers.NumberReader(power, bare, guessed, style, typical, zero_is_nothing).read


def _dates(texts: Texts, context: Context) -> Reader:
    meant = texts.meant()
    style = dates.style_of(meant)
    if not style.sure:
        style = dates.style_of(meant, context.day_evidence)
    return lambda text: dates.read_date(text, style)
