"""Which columns of an inventory mean which fields of an asset, how sure that is, and why.

Evidence is combined: the words of the heading (`meanings`, `words.txt`, `rules.txt`), what the values look like
(`profiles`, `likelihoods`, `values.txt`), and the other columns of the table (`competition`). Each is a log-likelihood
ratio, so that weak evidence adds up, and contradicting evidence makes the confidence low.
"""

from __future__ import annotations

from assent.late_exports import late_exports

TYPE_CHECKING = False  # as in `typing`, which takes too long to import
if TYPE_CHECKING:
    from workflows.asset_discovery.mapping.lessons import is_guess, proposed_for, situation_of
    from workflows.asset_discovery.mapping.mapper import map_table

__all__ = ["is_guess", "map_table", "proposed_for", "situation_of"]

_MODULES = {"mapper": "map_table", "lessons": "is_guess proposed_for situation_of"}
__getattr__ = late_exports(__name__, _MODULES)
