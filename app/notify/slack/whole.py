"""A whole proposal in blocks, for the window in which it is approved if its message shows only part of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.domain.hidden_characters import plain_text
from app.domain.risk import Finding
from app.notify.slack.blocks import CODE_LENGTH, Block, code, finding_of, not_understood, plain
from assent.masking import mask_text

MOST_BLOCKS = 90
"""Slack allows 100 blocks in a window; some are needed for its fields."""
LONGEST = 80_000
"""Slack accepts windows of up to 250 kB, in which a character may take three bytes."""


def whole_blocks(
    title: str, summary: str, lines: Sequence[str], findings: Sequence[Finding], understood: bool = True
) -> list[Block] | None:
    """The blocks, with nothing left out; None: it is more than a window can show."""
    if sum(map(len, lines)) + len(summary) > LONGEST:
        return None
    blocks: list[Block] = [{"type": "section", "text": plain(title)}]
    for part in _pieces(plain_text(mask_text(summary))) if summary.strip() else ():
        blocks.append({"type": "section", "text": plain(part)})
    text = plain_text(mask_text("\n".join(lines)))
    blocks += [code(part) for part in _pieces(text)]
    blocks += [] if understood else [not_understood()]
    blocks += [finding_of(finding) for finding in findings]
    return blocks if len(blocks) <= MOST_BLOCKS and sum(map(_size, blocks)) <= LONGEST else None


def _pieces(text: str) -> Iterator[str]:
    """The text in pieces that fit a block, split at line ends where possible."""
    most = CODE_LENGTH // 2  # half the limit in characters always fits, even if each counts twice
    while len(text) > most:
        at = text.rfind("\n", 0, most) + 1 or most
        yield text[:at].removesuffix("\n")
        text = text[at:]
    yield text


def _size(block: Block) -> int:
    return len(str(block))
