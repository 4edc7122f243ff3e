"""Where the records of a JSON document are: the list whose items say most about themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from workflows.asset_discovery.reading.limits import ReadingError, ReadingLimits
from workflows.asset_discovery.reading.records import tag_names

_SAMPLE = 50
_WALKED = 400
"""Items of one list that are looked at, evenly from all of them."""
_PARTS = re.compile(
    r"(?i)^(?:(?:network_?)?(?:interfaces?|nics?|adapters?)|disks?|volumes?|drives?|mounts?|partitions?|filesystems?|"
    r"block_?device_?mappings?|tags?|labels?|ports?|packages|software|programs|services|users|groups|security_?groups|"
    r"addresses|ips?|cpus|processors|memory|dimms|slots|licenses|history|events|logs|errors|contacts|notes|links|rules)$"
)
_WHOLES = re.compile(
    r"(?i)^(?:.*_)?(?:servers?|hosts?|machines?|computers?|devices?|instances|assets?|nodes|vms|virtual_?machines|"
    r"inventory|items|records|results?|rows|data|equipment|hardware|systems|endpoints|cis|hostvars|value|values|geraete|"
    r"geräte|rechner|postes|serveurs|equipements|équipements|equipos|servidores|apparaten|dispositivi)$"
)

Step = str
"""A key of an object; `[]` for the items of a list; `{}` for the values of an object that is keyed by name."""


@dataclass(frozen=True)
class RecordPath:
    """A path to records, and how likely they are the assets.

    Attributes:
        steps: From the top of the document.
        score: The greater, the more likely.
        count: Records in the document.
    """

    steps: tuple[Step, ...]
    score: float
    count: int

    def __str__(self) -> str:
        return path_text(self.steps)


def path_text(steps: tuple[Step, ...]) -> str:
    """Return a path as people write it, such as `Reservations[].Instances[]`."""
    text = ""
    if steps[:1] == ("[]",) and len(steps) > 1:
        steps = steps[1:]  # pages of an answer, one after the other, are read as one
    for step in steps:
        text += step if step == "[]" else ".*" if step == "{}" else f".{step}" if text else step
    return text.lstrip(".") if text.startswith(".*") else text


def record_paths(document: Any, limits: ReadingLimits) -> list[RecordPath]:
    """Return the paths to records in a document: the likeliest, and those of lists beside it.

    Raises:
        ReadingError: it has too many levels.
    """
    found: dict[tuple[Step, ...], list[int]] = {}
    _walk(document, limits, found)
    candidates = [_scored(steps, numbers) for steps, numbers in found.items()]
    candidates = [item for item in candidates if item.score > 0]
    if not candidates:
        return []
    best = max(candidates, key=lambda item: (item.score, item.count))
    beside = [item for item in candidates if _beside(item, best, candidates)]
    return [best, *sorted(beside, key=lambda item: -item.score)][: limits.tables]


def _beside(item: RecordPath, best: RecordPath, candidates: list[RecordPath]) -> bool:
    """Tell whether a list holds records of its own, rather than the parts or the groups of other records."""
    if item.steps == best.steps or _inside(item, best) or _inside(best, item) or _PARTS.match(_name(item.steps)):
        return False
    part = any(_inside(item, other) for other in candidates if other.score >= item.score)
    return item.score >= 0.25 * best.score and not part


def _inside(one: RecordPath, other: RecordPath) -> bool:
    return len(one.steps) > len(other.steps) and one.steps[: len(other.steps)] == other.steps


def _walk(document: Any, limits: ReadingLimits, found: dict[tuple[Step, ...], list[int]]) -> None:
    """Count, for each list of objects, its objects and the values that they have of their own."""
    waiting: list[tuple[Any, tuple[Step, ...]]] = [(document, ())]
    while waiting:
        value, steps = waiting.pop()
        if len(steps) > limits.depth:
            raise ReadingError(f"The JSON has more than {limits.depth} levels.")
        if isinstance(value, list):
            items = [item for item in value if isinstance(item, dict)]
            if not items or (len(steps) and tag_names(value)):
                continue
            at = (*steps, "[]")
        elif isinstance(value, dict) and keyed_by_name(value):
            items, at = list(value.values()), (*steps, "{}")
        elif isinstance(value, dict):
            waiting += [(inner, (*steps, key)) for key, inner in value.items() if isinstance(inner, dict | list)]
            continue
        else:
            continue
        counted = found.setdefault(at, [0, 0, 0])
        counted[0] += len(items)
        for item in items[:: max(1, len(items) // _SAMPLE)] if counted[1] < 20 * _SAMPLE else items[:2]:
            counted[1] += 1
            counted[2] += own_values(item)
        waiting += [
            (inner, (*at, key))
            for item in items[:: max(1, len(items) // _WALKED)]
            for key, inner in item.items()
            if isinstance(inner, dict | list)
        ]


def keyed_by_name(value: dict[str, Any]) -> bool:
    """Tell whether an object is a collection: all of its values are objects that are alike."""
    if len(value) < 2 or not all(isinstance(inner, dict) and inner for inner in value.values()):
        return False
    items = list(value.values())[:_SAMPLE]
    common = set(items[0])
    every = set(items[0])
    for item in items[1:]:
        common &= item.keys()
        every |= item.keys()
    return len(common) >= 2 and len(common) >= 0.3 * len(every)


def own_values(record: dict[str, Any]) -> int:
    """Return how many values a record has of its own, in objects and tags too, not in lists of objects."""
    count = 0
    waiting: list[tuple[dict[str, Any], int]] = [(record, 0)]
    while waiting:
        value, depth = waiting.pop()
        for inner in value.values():
            if isinstance(inner, dict) and depth < 8:
                waiting.append((inner, depth + 1))
            elif isinstance(inner, list):
                count += _of_list(inner)
            else:
                count += 1
    return count


def _of_list(values: list[Any]) -> int:
    if not values:
        return 0
    if isinstance(values[0], dict):
        return len(values) if tag_names(values) else 0
    return 1


def _name(steps: tuple[Step, ...]) -> str:
    return next((step for step in reversed(steps) if step not in ("[]", "{}")), "")


def _scored(steps: tuple[Step, ...], numbers: list[int]) -> RecordPath:
    count, sampled, values = numbers
    share = values / max(1, sampled)
    levels = sum(step in ("[]", "{}") for step in steps)
    score = share * 0.6 ** (levels - 1)
    if _PARTS.match(_name(steps)):
        score *= 0.2
    elif _WHOLES.match(_name(steps)):
        score *= 2
    return RecordPath(steps, score, count)
