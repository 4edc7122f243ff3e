"""Text whose columns are aligned by blanks, as commands print it: `kubectl get nodes`, `virsh list`, `Format-Table`."""

from __future__ import annotations

import re
from itertools import pairwise

_LINES = 300
_LONGEST = 2_000
_RULE = re.compile(r"\s*-{2,}(?:[ +]+-{2,})*\s*")
_DASHES = re.compile(r"-{2,}")


def gaps_of(sample: str) -> list[int]:
    """Return where the columns begin, from 0; empty unless all lines prove it.

    A column begins behind a blank that all lines have at that place, and behind two or more of the first line. A rule
    below the headings, with a group of dashes for each column, says it by itself.
    """
    lines = [line.rstrip() for line in sample.splitlines()[:_LINES] if line.strip()]
    rules = [line for line in lines[:3] if _RULE.fullmatch(line)]
    lines = [line for line in lines if not _RULE.fullmatch(line)]
    if len(lines) < 3 - len(rules) or any("\t" in line for line in lines) or max(map(len, lines)) > _LONGEST:
        return []
    groups = [found.start() for rule in rules for found in _DASHES.finditer(rule)] if len(rules) == 1 else []
    starts = groups if len(groups) > 1 else [found.end() for found in re.finditer(r"(?:^|  ) *(?=\S)", lines[0])]
    starts = [
        start for start in starts
        if start == starts[0] or all(start > len(line) or line[start - 1] == " " for line in lines)
    ]  # fmt: skip
    if len(starts) < 2:
        return []
    starts[0] = 0
    full = sum(all(_cells(line, starts)[:2]) for line in lines)
    return starts if full >= 0.8 * len(lines) else []


def split(line: str, starts: list[int]) -> list[str]:
    """Return the cells of a line."""
    return _cells(line.rstrip("\r\n"), starts)


def _cells(line: str, starts: list[int]) -> list[str]:
    return [line[start:end].strip() for start, end in pairwise([*starts, max(len(line), starts[-1])])]
