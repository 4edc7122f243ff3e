"""The recovery policy of a step in words, for the run's page."""

from __future__ import annotations

from assent.composition.linking import LinkedStep

_OTHERWISE = {
    "fail": "Otherwise the step fails.", "skip": "Otherwise the run goes on without it.",
    "ask": "Otherwise people are asked.",
}  # fmt: skip


def recovery_words(linked: LinkedStep) -> str:
    """Return what happens when the call of a step fails, in sentences; empty: it calls no tool."""
    if linked.tool is None:
        return ""
    limits = linked.limits
    sentences = ["A failed call is not repeated."]
    if linked.tool.may_repeat and limits.attempts > 1:
        but = "" if limits.after_timeouts else ", but only one after a timeout or a lost connection"
        sentences = [f"There are up to {limits.attempts} attempts{but}."]
    if linked.heals and not (linked.asks and linked.rows is not None):  # lists with a gate are not corrected
        then = "proposed again" if linked.asks else "called once more"
        sentences.append(f"If the database does not understand the statement, it is corrected and {then}.")
    if linked.asks_for_permission:
        sentences.append("If permission is denied, a person is asked.")
    return " ".join([*sentences, _OTHERWISE[linked.step.on_error]])
