"""Kinds of personal data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PersonalKind(StrEnum):
    """What a column says about people."""

    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    USER_ID = "user_id"
    DEVICE_ID = "device_id"
    ADDRESS = "address"
    BIRTH = "birth"
    NATIONAL_ID = "national_id"
    PAYMENT = "payment"
    SPECIAL = "special"
    FREE_TEXT = "free_text"


class Sensitivity(StrEnum):
    """How closely data is kept, from the least to the most."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"

    @property
    def rank(self) -> int:
        """0 for public to 3 for restricted."""
        return list(Sensitivity).index(self)


TITLES: dict[PersonalKind, str] = {
    PersonalKind.NAME: "names of people",
    PersonalKind.EMAIL: "email addresses",
    PersonalKind.PHONE: "phone numbers",
    PersonalKind.USER_ID: "user names of people",
    PersonalKind.DEVICE_ID: "numbers of personal devices (IMEI)",
    PersonalKind.ADDRESS: "home addresses",
    PersonalKind.BIRTH: "dates of birth",
    PersonalKind.NATIONAL_ID: "national identity numbers",
    PersonalKind.PAYMENT: "payment data",
    PersonalKind.SPECIAL: "data on health, beliefs, or the like",
    PersonalKind.FREE_TEXT: "free text with personal data",
}

_RESTRICTED = {PersonalKind.NATIONAL_ID, PersonalKind.PAYMENT, PersonalKind.SPECIAL, PersonalKind.BIRTH}


def sensitivity_of(kind: PersonalKind) -> Sensitivity:
    """Return how this kind is classified: restricted where it lets others act for people, or against them."""
    return Sensitivity.RESTRICTED if kind in _RESTRICTED else Sensitivity.CONFIDENTIAL


@dataclass(frozen=True)
class PersonalColumn:
    """A column that holds personal data.

    Attributes:
        column: Its key.
        kind: What it holds mostly.
        sensitivity: How it is classified; that of the worst that was found in it.
        reason: Why, in words, without any of the values.
        rows: For free text, the numbers of the first records where something was found; else empty.
    """

    column: str
    kind: PersonalKind
    sensitivity: Sensitivity
    reason: str
    rows: tuple[int, ...] = ()
