"""Numbers with their units: counts, memory in MiB, and disks in GiB."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from workflows.asset_discovery.cleansing.outcomes import Outcome, invalid
from workflows.asset_discovery.cleansing.rules import Rule
from workflows.asset_discovery.cleansing.words import is_spreadsheet_error

_OTHER_UNIT = 400
_BYTES = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}
# Prefix, then a word for bytes; French octets, Russian bytes, and "GiB", "Gio", "GByte", "gigas".
_UNIT = re.compile(
    r"(?P<prefix>[kmgtpкмгтп]?)(?P<binary>i?)(?P<bytes>b(?:ytes?)?|o(?:ctets?)?|б|байт)?s?"
    r"|(?P<long>kilo|mega|méga|giga|tera|téra|peta)(?:bi)?(?:bytes?|octets?)?s?",
    re.IGNORECASE,
)
_CYRILLIC = {"К": "K", "М": "M", "Г": "G", "Т": "T", "П": "P"}
_DIGITS = r"\d[\d.,'’٬\u00a0\u202f ]*\d|\d"
_AMOUNT = re.compile(
    rf"(?P<sign>[-−–+])?\s*(?P<digits>{_DIGITS}|"
    rf"[.,]\d+)(?:[eE](?P<power>[+-]?\d{{1,2}}))?\s*(?P<unit>[^\W\d_]+\.?)?(?P<rest>.*)",
    re.DOTALL,
)
_PRODUCT = re.compile(
    r"(?P<times>\d{1,4})\s*(?:cpus?|sockets?|processors?|procs?)?\s*(?:[x×*✕]|mal|fois|por|шт\.?\s*[xх]?)\s*"
    r"(?P<amount>\d.*)",
    re.IGNORECASE | re.DOTALL,
)
_APPROXIMATE = re.compile(
    r"^(?:ca\.?|circa|approx\.?|about|env\.?|environ|etwa|~|≈|±|około|cca\.?|около|约|約)\s*(?=\d)",
    re.IGNORECASE,
)
_LEADING_NOUN = re.compile(
    r"^(?:(?:ssd|hdd|nvme|sas|sata|emmc)[\s:=]*"
    r"|(?:ram|ddr\d?|disk|dysk|disque|disco|platte|memory|flash|raid ?\d{0,2})[\s:=]+)(?=\d)",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"\s*\(([^()]*)\)\s*$")
_PARTS = re.compile(
    r"\s*(?:\+|;|\n|&|\bund\b|\band\b|\bet\b|\by\b|\be\b|\boch\b|\bog\b|\ben\b|,\s|\s/\s)\s*", re.IGNORECASE
)
# "8 cores / 16 threads", "2 sockets, 8 cores", "8C/16T": of several counts, that of the cores.
_CORES = re.compile(
    r"(?:^|[\s,/(])(\d{1,4})\s*(?:v?cores?|kerne?n?|c(?:œ|oe)urs?|n[uú]cle?[oi]s?|ядер|ядра|コア|核|코어|c(?=\s*/))",
    re.IGNORECASE,
)
_PADDED_WITH_LETTER = re.compile(r"0\d+[A-Za-z]")
_AMOUNT_INSIDE = re.compile(r"(?<![\w.,-])\d+(?:[.,]\d+)? ?(?:[KMGTP]i?[Bo]|[КМГТ]Б)\b", re.IGNORECASE)
_MULTIPLES = {"single": 1, "dual": 2, "quad": 4, "hexa": 6, "octa": 8, "deca": 10}
_MULTIPLE = re.compile(rf"({'|'.join(_MULTIPLES)})[- ]?cores?", re.IGNORECASE)
_FREQUENCY = re.compile(r"[kmg]hz", re.IGNORECASE)
# Words that may follow an amount: kinds of memory and disks, and names of processors' parts.
_NOUNS = re.compile(
    r"(?:ram|ddr\d?l?x?|ecc|l?r?dimms?|rdimm|ssd|hdd|sas|sata|nvme|m\.2|flash|disks?|platten?|disques?|discos?|dischi|"
    r"memory|speicher|mémoire|memoria|memória|hbm|v?cpus?|v?cores?|kerne?n?|c(?:œ|oe)urs?|n[uú]cle?[oi]s?|núcleos?|cœur|"
    r"processors?|prozessor(?:en)?|processeurs?|procesador(?:es)?|sockets?|threads?|logical|logisch|physical|kjerner|"
    r"kärnor|kerner|ytimet|ytimiä|rdzeni[ea]?|jader|jádra?|mag|ядер|ядра|ядро|コア|核|코어|stk\.?|pcs\.?|total|usable|"
    r"net|raid ?\d{1,2}|rpm|k|gen\d|pro socket|per socket|each|je|lpddr\d?x?|scsi|lff|sff|eff|thin|thick|[-,./ ])*",
    re.IGNORECASE,
)


def unit_power(unit: str) -> int | None:
    """The power of 1024 of a unit of bytes: 0 for bytes, 2 for `MB`, `MiB`, `Mo`; None for what is none."""
    match = _UNIT.fullmatch(unit.strip().rstrip("."))
    if match is None:
        return None
    if match["long"]:
        return _BYTES[match["long"][0].upper().replace("É", "E")]
    prefix = match["prefix"].upper()
    prefix = _CYRILLIC.get(prefix, prefix)
    return _BYTES[prefix] if prefix or match["bytes"] else None


@dataclass(frozen=True)
class NumberStyle:
    """How the numbers of a column are written.

    Attributes:
        comma_decimal: Whether a comma separates decimals: True, False, or None where no cell shows it.
        point_decimal: Whether a point does.
    """

    comma_decimal: bool | None = None
    point_decimal: bool | None = None


def style_of(texts: Iterable[str]) -> NumberStyle:
    """How numbers are written, from the cells that can be read in one way only."""
    comma: bool | None = None
    point: bool | None = None
    for text in texts:
        for digits in re.findall(r"\d[\d.,]*[.,]\d+", text):
            last = max(digits.rfind(","), digits.rfind("."))
            mark, other = digits[last], "," if digits[last] == "." else "."
            decimal: bool | None = None
            if len(digits) - last - 1 != 3 or digits.startswith("0" + mark):
                decimal = True  # a group of thousands has three digits, and the first one is not 0
            elif other in digits:
                decimal = True
            elif digits.count(mark) > 1:
                decimal = False
            if decimal is None:
                continue
            if mark == ",":
                comma = decimal if comma is None else comma or decimal
                point = not decimal if other in digits else point
            else:
                point = decimal if point is None else point or decimal
                comma = not decimal if other in digits else comma
    if comma and point is None:
        point = False
    if point and comma is None:
        comma = False
    return NumberStyle(comma, point)


@dataclass(frozen=True)
class NumberReader:
    """Reads the cells of a column of numbers.

    Attributes:
        target: The power of 1024 of the field's unit: 2 for MiB, 3 for GiB; None for counts.
        bare: The power of 1024 of numbers without a unit.
        guessed: Whether `bare` was guessed.
        style: How numbers are written in the column.
        typical: The middle one of the bare numbers; one that is some thousand times as large or as small is meant in
            the next smaller or larger unit.
        zero_is_nothing: Whether 0 stands for an unknown number, rather than for one that cannot be right.
    """

    target: int | None
    bare: int | None = None
    guessed: bool = False
    style: NumberStyle = NumberStyle()
    typical: float | None = None
    zero_is_nothing: bool = False

    def read(self, text: str) -> Outcome:
        """The number of a cell, in the unit of its field."""
        if is_spreadsheet_error(text):
            return invalid("a spreadsheet's error, and no number")
        if self.target is None and (multiple := _MULTIPLE.fullmatch(text)):
            return Outcome(float(_MULTIPLES[multiple[1].lower()]), Rule.NOTATION)
        plain = _APPROXIMATE.sub("", text)
        rule: Rule | None = Rule.REMARK if plain != text else None
        found = self._sum(plain)
        if found is None:
            bracketed = _BRACKETED.search(plain)
            if bracketed and bracketed.start() > 0:
                found, inside = self._sum(plain[: bracketed.start()]), self._sum(bracketed.group(1))
                if found is not None:
                    # "4 (2x2)" says the same twice; what is no number in brackets is a remark.
                    agrees = inside is not None and abs(inside[0] - found[0]) <= 0.05 * found[0]
                    found = (found[0], Rule.NOTATION if agrees else Rule.REMARK)
        if found is None:
            found = self._inside(text)
        if found is None:
            # Amounts among words that are not understood are no error of the cell.
            wordy = "?" not in text and len(text.split()) > 2 and any(char.isdigit() for char in text)
            readable = ("?" not in text and _AMOUNT_INSIDE.search(text)) or (self.target is None and wordy)
            return Outcome(None, Rule.UNREADABLE) if readable else invalid("not a number")
        value, how = found
        return self._judged(text, value, rule or how)

    def _inside(self, text: str) -> tuple[float, Rule | None] | None:
        """The only amount among other words; with a question mark, none is certain."""
        if "?" in text:
            return None
        if self.target is None:
            cores = _CORES.findall(text)
            return (float(cores[0]), Rule.REMARK) if len(cores) == 1 else None
        amounts = _AMOUNT_INSIDE.findall(text)
        found = self._part(amounts[0]) if len(amounts) == 1 else None
        return (found[0], Rule.REMARK) if found else None

    def _judged(self, text: str, value: float, rule: Rule | None) -> Outcome:
        what = "memory" if self.target == 2 else "disk" if self.target == 3 else "number of processors"
        if value < 0:
            return invalid(f"negative {what}")
        if value == 0:
            return Outcome(None, Rule.EMPTY) if self.zero_is_nothing or self.target == 3 else invalid(f"{what} of zero")
        if self.target is None:
            if value != int(value):
                return invalid("not a whole number")
            value = int(value)
        elif rule is None and self.bare is not None and self.bare != self.target:
            rule = Rule.UNIT_GUESSED if self.guessed else Rule.UNIT
        if rule is None and text != f"{value:.10g}":
            rule = Rule.NOTATION
        return Outcome(float(value), rule)

    def _sum(self, text: str) -> tuple[float, Rule | None] | None:
        single = self._part(text)
        if single is not None:
            return single
        parts = [part for part in _PARTS.split(text.strip("[] ")) if part]
        if len(parts) < 2 or len(parts) > 64:
            return None
        read = [self._part(part) for part in parts]
        if any(item is None for item in read):
            return None
        if self.target is None and not all(part.isdecimal() for part in parts):
            return None  # counts of different things
        return sum(item[0] for item in read if item), Rule.SUM

    def _part(self, text: str) -> tuple[float, Rule | None] | None:
        text = _LEADING_NOUN.sub("", text.strip())
        product = _PRODUCT.fullmatch(text)
        if product:
            # Two processors of 2.4 GHz are two.
            if self.target is None and _FREQUENCY.search(product["amount"]):
                return float(product["times"]), Rule.REMARK
            amount = self._amount(product["amount"])
            return None if amount is None else (int(product["times"]) * amount[0], Rule.SUM)
        return self._amount(text)

    def _amount(self, text: str) -> tuple[float, Rule | None] | None:
        match = _AMOUNT.fullmatch(text)
        if match is None or "?" in text or _PADDED_WITH_LETTER.fullmatch(text):
            return None
        unit, rest = match["unit"] or "", match["rest"]
        power = unit_power(unit) if unit else None
        number = self._number(match["digits"], power)
        if number is None:
            return None
        value, guessed = number
        if match["power"]:
            value *= 10.0 ** int(match["power"])
        if match["sign"] and match["sign"] != "+":
            value = -value
        rule = Rule.NUMBER_GUESSED if guessed else None
        if self.target is None:
            if not _NOUNS.fullmatch(unit + rest):
                return None
            return value, rule or (Rule.REMARK if (unit + rest).strip() else None)
        if unit and power is None:
            unit, rest = "", unit + rest
        # Behind a unit, words are a remark; a further amount is not.
        if not _NOUNS.fullmatch(rest) and (power is None or _AMOUNT_INSIDE.search(rest) or "/" in rest):
            return None
        if power is None:
            power = self.bare if self.bare is not None else self.target
            shift = self._shift(value)
            power, rule = power + shift, Rule.UNIT_GUESSED if shift else rule
        elif rule is None:
            rule = Rule.UNIT if not rest.strip() else Rule.REMARK
        return value * 1024.0 ** (power - self.target), rule

    def _shift(self, value: float) -> int:
        """By how many units a bare number of memory differs from the others: `16` among `16384` is in GiB."""
        if self.target != 2 or not self.typical or value <= 0:
            return 0
        ratio = value / self.typical
        return -1 if ratio >= _OTHER_UNIT else 1 if ratio <= 1 / _OTHER_UNIT else 0

    def _number(self, digits: str, power: int | None) -> tuple[float, bool] | None:
        """The number, and whether it was guessed what a mark in it separates; None for what is no number."""
        compact = re.sub(r"[\s'’٬]", "", digits)
        # Blanks and apostrophes separate thousands only.
        if compact != digits and not re.fullmatch(r"\d{1,3}(?:[\s'’٬]\d{3})+(?:[.,]\d+)?", digits):
            return None
        comma, point = compact.count(","), compact.count(".")
        if not comma and not point:
            return float(compact), False
        if comma and point:
            decimal = "," if compact.rfind(",") > compact.rfind(".") else "."
            thousands = "." if decimal == "," else ","
            if compact.count(decimal) > 1:
                return None
            return float(compact.replace(thousands, "").replace(decimal, ".")), False
        mark, count = (",", comma) if comma else (".", point)
        if count > 1:
            grouped = re.fullmatch(rf"\d{{1,3}}(?:{re.escape(mark)}\d{{3}})+", compact)
            return (float(compact.replace(mark, "")), False) if grouped else None
        if len(compact) - compact.find(mark) - 1 != 3 or compact.startswith(("0", mark)):
            return float(compact.replace(mark, ".")), False
        decimal_mark = self.style.comma_decimal if mark == "," else self.style.point_decimal
        other_is_decimal = self.style.point_decimal if mark == "," else self.style.comma_decimal
        if decimal_mark is None and other_is_decimal:
            decimal_mark = False
        if decimal_mark is None:
            # Nobody writes three decimals of a count or of MiB; a point in GiB or TiB mostly separates decimals.
            unit = power if power is not None else self.bare if self.bare is not None else self.target
            as_decimal = mark == "." and unit is not None and unit >= 3
            return float(compact.replace(mark, "." if as_decimal else "")), not (mark == "," and not as_decimal)
        return float(compact.replace(mark, "." if decimal_mark else "")), False


def guessed_power(field_target: int, numbers: list[float]) -> int:
    """The power of 1024 of a column's bare numbers, from their size: the middle one has to be a likely amount."""
    positive = sorted(number for number in numbers if number > 0)
    if not positive:
        return field_target
    middle = positive[len(positive) // 2]
    bounds: tuple[tuple[float, int], ...]
    if field_target == 2:  # memory: 0.5 GiB to 4 TiB is likely
        bounds = ((0.9e8, 0), (3e5, 1), (200, 2), (0.4, 3))
    else:  # disks: 8 GiB to 200 TiB is likely
        bounds = ((5e9, 0), (5e6, 1), (9e3, 2), (8, 3), (0, 4))
    for bound, power in bounds:
        if middle >= bound:
            return power
    return field_target
