"""What cleansing does to cells: each rule by name, and whether it goes beyond form."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Rule(StrEnum):
    """A rule by which a cell was changed. One cell has one: the most consequential."""

    SPACES = "spaces"
    CASE = "case"
    NOTATION = "notation"
    EMPTY = "empty"
    UNIT = "unit"
    SEPARATED = "separated"
    UNIT_GUESSED = "unit-guessed"
    NUMBER_GUESSED = "number-guessed"
    SUM = "sum"
    REMARK = "remark"
    PORT = "port"
    DOMAIN = "domain"
    RESOLVED = "resolved"
    DITTO = "ditto"
    DATE_ORDER = "date-order"
    PART_OF_DATE = "part-of-date"
    TWO_DIGIT_YEAR = "two-digit-year"
    DAY_NUMBER = "day-number"
    NO_DATE = "no-date"
    PLACEHOLDER = "placeholder"
    PRECISION = "precision"
    UNREADABLE = "unreadable"
    INVALID = "invalid"


@dataclass(frozen=True)
class RuleFacts:
    """What pages say about a rule.

    Attributes:
        title: What was done, in words.
        beyond_form: Whether the value is another one than before, and not merely written differently: a guess, a
            value from another cell, a part of the cell, or nothing at all.
        needed: Whether the rule cannot be left out, because what it drops has no place in its field.
    """

    title: str
    beyond_form: bool = True
    needed: bool = False


FACTS: dict[Rule, RuleFacts] = {
    Rule.SPACES: RuleFacts("Blanks and invisible characters removed, and wide letters made narrow", beyond_form=False),
    Rule.CASE: RuleFacts("Written in lower case", beyond_form=False),
    Rule.NOTATION: RuleFacts("Written in the usual notation", beyond_form=False),
    Rule.EMPTY: RuleFacts("A word for “nothing” became an empty value", beyond_form=False),
    Rule.UNIT: RuleFacts("Converted to the unit of the field", beyond_form=False),
    Rule.SEPARATED: RuleFacts("Several values in one cell became a list", beyond_form=False),
    Rule.UNIT_GUESSED: RuleFacts("Converted from a unit that was guessed from the size of the numbers"),
    Rule.NUMBER_GUESSED: RuleFacts("It was guessed whether a comma or a point separates decimals or thousands"),
    Rule.SUM: RuleFacts("Several amounts in one cell were added up or multiplied"),
    Rule.REMARK: RuleFacts("A note beside the value was left out"),
    Rule.PORT: RuleFacts("The port or the length of the network prefix was left out"),
    Rule.DOMAIN: RuleFacts("The domain was separated from the name"),
    Rule.RESOLVED: RuleFacts("An address became the name of the asset that has it"),
    Rule.DITTO: RuleFacts("A ditto mark became the value of the cell above"),
    Rule.DATE_ORDER: RuleFacts("It was guessed which number is the day and which one the month"),
    Rule.PART_OF_DATE: RuleFacts("A date without a day became the first day of its month, quarter, or year"),
    Rule.TWO_DIGIT_YEAR: RuleFacts("The century of a year with two digits was guessed"),
    Rule.DAY_NUMBER: RuleFacts("A number was read as a spreadsheet's day number or as seconds since 1970"),
    Rule.NO_DATE: RuleFacts("A date that stands for “none” was left out"),
    Rule.PLACEHOLDER: RuleFacts("A value that many devices share by default was left out"),
    Rule.PRECISION: RuleFacts("A number that a spreadsheet has rounded was left out", needed=True),
    Rule.UNREADABLE: RuleFacts("Text that could not be read was left out", needed=True),
    Rule.INVALID: RuleFacts("A value that cannot be right was left out", needed=True),
}
