"""Files that are named like those with the data of many people."""

from __future__ import annotations

import re

_MANY_PEOPLE = re.compile(
    r"(?:customers?|clients?|users?|members?|employees?|staff|personnel|payroll|salar(?:y|ies)|patients?|contacts?|leads"
    r"|subscribers?|applicants?|students?|tenants?|policyholders?|cardholders?|donors?|voters?|passengers?|citizens?|hr"
    r"|kunden|mitarbeiter|gehaelter|crm|accounts?)",
    re.IGNORECASE,
)
_WHOLE_LIST = re.compile(
    r"full|all|complete|export(?:ed)?|dump|list|database|db|backup|master|everyone|directory|data|records|details|pii"
    r"|report|roster|\d{4}(?:[-_]?q\d|[-_]?\d\d)?",
    re.IGNORECASE,
)
_DATA_FILES = re.compile(r"\.(?:csv|tsv|xlsx?|xlsb|ods|jsonl?|ndjson|parquet|sql|sqlite3?|db|dump|zip|gz|7z"
    r"|tar|tgz|mdb|bak|xml)$",
                         re.IGNORECASE)  # fmt: skip


def holds_people(path: str) -> bool:
    """Return True if a file is named like one with the data of many people, such as ``customers_full.csv``."""
    name = re.split(r"[/\\]", path.strip())[-1][:200]
    if not _DATA_FILES.search(name):
        return False
    words = [word for word in re.split(r"[^A-Za-z0-9]+|(?<=[a-z])(?=[A-Z])", name) if word]
    people = any(_MANY_PEOPLE.fullmatch(word) for word in words)
    sure = re.search(r"payroll|salar|patients|gehael", name, re.IGNORECASE)
    return bool(sure or (people and any(_WHOLE_LIST.fullmatch(word) for word in words)))
