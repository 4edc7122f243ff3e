"""What the buttons of the decision bar say: each names what happens when it is pressed."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.text import plural
from app.services.approvals.decisions.reassessment import ChangePreview
from app.services.reading.overview import Acts
from app.services.reading.pages import RequestView
from app.services.requests.entitlement import HARMLESS
from app.services.requests.situation import StageView
from app.web.requests.proposals import ProposalView
from assent.contracts import Verdict


@dataclass(frozen=True)
class Buttons:
    """What the decision bar offers.

    Attributes:
        approve: the approving button's words for what the page shows; empty if there is none.
        answer: the answering button's words; empty if there is none.
        tail: what follows on "Approve" or "Send the answer" where that does not settle it, or not at once.
        changed_tail: the same after an edit, which makes earlier approvals void.
        left_tail: the same after an edit that only leaves parts out.
        reason_needed_for: in words, which of the buttons need a comment; ``all``, or empty for none.
    """

    approve: str = ""
    answer: str = ""
    changes: bool = False
    reject: bool = False
    tail: str = ""
    changed_tail: str = ""
    left_tail: str = ""
    reason_needed_for: str = ""


def buttons_of(view: RequestView, shown: ProposalView, preview: ChangePreview | None = None) -> Buttons:
    """The buttons for what the viewer may do.

    Args:
        preview: what the change on the page would mean, if that is known.
    """
    verdicts = view.verdicts
    tail, changed_tail, left_tail = _tail(view), _tail(view, changed=True), _tail(view, changed=True, omits=True)
    if preview is not None and preview.raised:
        changed_tail = left_tail = _raised_tail(view, preview)
    shown_tail = (left_tail if preview is not None and preview.omits else changed_tail) if shown.changed else tail
    return Buttons(
        approve=_approve(view, shown, shown_tail) if _approves(verdicts) else "",
        answer=_answer(view, tail) if Verdict.ANSWER in verdicts else "",
        changes=Verdict.REQUEST_CHANGES in verdicts,
        reject=Verdict.REJECT in verdicts,
        tail=tail,
        changed_tail=changed_tail,
        left_tail=left_tail,
        reason_needed_for=_reason_needed_for(view),
    )


def _approves(verdicts: tuple[Verdict, ...]) -> bool:
    return Verdict.APPROVE in verdicts or Verdict.MODIFY in verdicts


def _approve(view: RequestView, shown: ProposalView, tail: str) -> str:
    if Verdict.APPROVE not in view.verdicts:
        return "Approve with changes"  # an approver of another stage may still edit; approving twice has no effect
    first = "Approve with changes" if shown.changed else "Approve"
    if tail:
        return f"{first}{tail}"
    if shown.kind == "optimizations":
        return "Approve the selected items"  # without a script, the page cannot know which ones
    if shown.kind == "plan" and shown.editable:
        return f"{first} the selected steps"
    return f"{first} and {shown.effect}" if shown.effect else first


def _answer(view: RequestView, tail: str) -> str:
    if view.request.kind == "error":
        return "Submit"
    return f"Send the answer{tail}"


def _raised_tail(view: RequestView, preview: ChangePreview) -> str:
    """What follows on the verb if the change has been refused once, because it raises the risk or the approvals."""
    level, quorum = preview.assessment.level, preview.terms.quorum
    risk = f" as {level.value} risk" if level is not view.assessment.level else ""
    if preview.terms.stages != view.terms.stages:
        return f"{risk}; needs {plural(quorum, 'approval')}"
    if preview.second_person:
        return f"{risk}; needs a second person, since you changed it"
    return f"{risk}{_tail(view, changed=True, omits=preview.omits)}"


def _tail(view: RequestView, changed: bool = False, omits: bool = False) -> str:
    """What follows on the verb; empty where the decision settles the request and the run goes on at once.

    Args:
        omits: the change only leaves parts out, which needs no second person.
    """
    stages, at = view.situation.stages, min(view.request.stage, len(view.situation.stages) - 1)
    stage = stages[at]
    after = 1 if changed else stage.approvals + 1
    several = len(stages) > 1
    if view.terms.adds_second_person and ((changed and not omits) or view.edited_by_viewer):
        return "; needs a second person, since you changed it"
    if after < stage.quorum:
        return f" for {stage.name}, as {after} of {stage.quorum}" if several else f", as {after} of {stage.quorum}"
    if changed and at > 0:
        return f" for {stage.name}; {stages[0].name} reviews again"
    following = _following(stages, at, changed)
    if following is not None:
        return f" for {stage.name}; {following.name} reviews next"
    return f"; runs in the window from {view.situation.opening}" if view.situation.opening else ""


def _following(stages: tuple[StageView, ...], at: int, changed: bool) -> StageView | None:
    """The next stage that is not through yet."""
    return next((stage for stage in stages[at + 1 :] if changed or stage.approvals < stage.quorum), None)


def _reason_needed_for(view: RequestView) -> str:
    words = {
        Verdict.APPROVE: "approve",
        Verdict.MODIFY: "approve with changes",
        Verdict.ANSWER: "answer",
        Verdict.REJECT: "reject",
        Verdict.REQUEST_CHANGES: "request changes",
    }
    # Verdicts that need a comment under every rule are named first.
    order = (*sorted(HARMLESS, key=lambda verdict: verdict is not Verdict.REJECT), *words)
    required = view.terms.reason_required
    needed = [verdict for verdict in dict.fromkeys(order) if verdict in required and verdict in view.verdicts]
    if len(needed) == len(view.verdicts):
        return "all"
    return " or to ".join(words[verdict] for verdict in needed)


def acts_words(acts: Acts) -> str:
    """Further actions, such as ``Assign, escalate, extend the deadline``."""
    words = {
        "assign": acts.assign,
        "escalate": acts.escalate,
        "extend the deadline": acts.extend_until is not None,
        "cancel the request": acts.cancel,
    }
    listed = ", ".join(name for name, possible in words.items() if possible)
    return listed[:1].upper() + listed[1:]
