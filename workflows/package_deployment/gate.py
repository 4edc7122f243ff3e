"""The steps at the gate: the proposal, its revisions, and the check after people have changed it."""

from __future__ import annotations

from assent import (
    AgentFinding,
    Attachment,
    Outcome,
    ReceiptStatus,
    RiskLevel,
    Script,
    Verdict,
    markdown,
    report_receipt,
    request_approval,
)
from assent.contracts import CORRECTS_LABEL
from assent.findings import MAX_FINDINGS
from workflows.package_deployment import drafting
from workflows.package_deployment.analysis import PackageAnalysis
from workflows.package_deployment.analysis_report import analysis_markdown
from workflows.package_deployment.drafting import (
    MOST_ATTACHED,
    WRITER,
    analysis_of,
    draft_of,
    findings_of,
    instructions_markdown,
    instructions_of,
    name_of,
    quality_markdown,
    question_outcome,
)
from workflows.package_deployment.scripts.detection import Target, detection_script
from workflows.package_deployment.scripts.digests import script_digest
from workflows.package_deployment.scripts.generating import validate_script
from workflows.package_deployment.scripts.instruction_model import Instructions
from workflows.package_deployment.scripts.rendering import part_of
from workflows.package_deployment.state import State, settings_of
from workflows.package_deployment.toolkit.findings import Level

_LEVELS = (Level.ERROR, Level.WARNING, Level.INFO)
_NAMED = 5


def assess(state: State) -> State:
    """Fifth stage: the quality of the script. The proposal is kept, because a later version may build another one."""
    quality = drafting.assess(state)
    proposal = build_proposal({**state, **quality})
    return {**quality, "proposal": proposal.model_dump(mode="json")}


def propose(state: State) -> State:
    """Suspend until people have decided on the script. Do nothing else, because the step runs again on resume."""
    proposal = Script.model_validate(state["proposal"])
    return {"outcome": request_approval(proposal).model_dump(mode="json")}


def build_proposal(state: State) -> Script:
    """Return the proposal, from the state alone, so that it is the same on every call."""
    settings, analysis, instructions = settings_of(state), analysis_of(state), instructions_of(state)
    labels = {"workflow": "package_deployment", "revision": str(state["revision"])}
    if state.get("corrects"):
        labels[CORRECTS_LABEL] = state["corrects"]
    return Script(
        title=f"Deploy {name_of(analysis)}"[:200],
        summary=_summary(state, analysis, instructions),
        agent=WRITER,
        environment=settings.environment,
        labels=labels,
        # The script runs as the system on every computer to which it is deployed.
        risk_floor=RiskLevel.MEDIUM,
        expires_in_seconds=settings.decision_hours * 3600 or None,
        language="powershell",
        target=f"computers in {settings.environment}"[:300] if settings.environment else "",
        effect="deliver",
        content=state["script"],
        findings=agent_findings(state),
        attachments=_attachments(state, analysis, instructions),
    )


def agent_findings(state: State) -> list[AgentFinding]:
    """Return the findings of the validation as those of the agent, errors first."""
    found = sorted(findings_of(state), key=lambda finding: _LEVELS.index(finding.level))
    return [
        AgentFinding.model_validate({
            "level": finding.level.value, "line": finding.line, "code": finding.code[:100],
            "words": finding.words[:1_000] or finding.code, "suggestion": finding.suggestion[:1_000],
        })
        for finding in found[:MAX_FINDINGS]
    ]  # fmt: skip


def _attachments(state: State, analysis: PackageAnalysis, instructions: Instructions) -> list[Attachment]:
    uninstall = part_of(state["script"], "Uninstall") or "# The script has no function for uninstalling."
    texts = [
        ("Analysis of the package", "text/markdown", analysis_markdown(analysis)),
        ("Instructions", "text/markdown", instructions_markdown(instructions)),
        ("Uninstall", "powershell", uninstall),
        ("Detection", "powershell", detection_script(draft_of(state).detection, Target.INTUNE)),
        ("Quality checks", "text/markdown", quality_markdown(state["quality"])),
    ]
    return [Attachment(title=title, media=media, content=_cut(text)) for title, media, text in texts]


def _cut(text: str) -> str:
    return text if len(text) <= MOST_ATTACHED else f"{text[:MOST_ATTACHED]}\n\n… (cut)"


def _summary(state: State, analysis: PackageAnalysis, instructions: Instructions) -> str:
    settings = settings_of(state)
    lines = [state["why"], ""] if state.get("why") else []
    scope = analysis.scope.value.replace("_", " ")
    lines += [
        f"Installs, uninstalls, and repairs **{markdown.escaped(name_of(analysis))}** "
        f"({analysis.technology.in_words}, {analysis.architecture.value}, {scope}) with PSAppDeployToolkit.",
    ]
    if settings.request:
        lines += ["", "Requested:", "", markdown.quoted(settings.request)]
    if instructions.not_understood:
        named = "; ".join(f"“{markdown.escaped(words)}”" for words in instructions.not_understood[:_NAMED])
        more = len(instructions.not_understood) - _NAMED
        lines += ["", f"**Nothing follows from:** {named}{f', and {more} more' if more > 0 else ''}."]
    if instructions.notes:
        lines += ["", "**To be considered:**", ""]
        lines += [f"- {markdown.escaped(note, 1_000)}" for note in instructions.notes[:_NAMED]]
    lines += ["", f"SHA-256 of the script as a file: {markdown.code(script_digest(state['script']))}"]
    return "\n".join(lines)[:20_000]


def revise(state: State) -> State:
    """Take the comments with which changes were requested as further instructions."""
    outcome = Outcome.model_validate(state["outcome"])
    revision = state["revision"] + 1
    comments = [remark.comment for remark in outcome.remarks if remark.comment.strip()]
    report_receipt(outcome, ReceiptStatus.NOT_APPLIED, f"Changes were requested; revision {revision + 1} is proposed.")
    said = "\n\n".join(markdown.quoted(comment) for comment in comments) or "> (no comment)"
    return {
        "revision": revision, "outcome": None, "corrects": "",
        "suggestions": [*state.get("suggestions", []), *comments],
        "why": f"Revision {revision + 1}, made after changes were requested:\n\n{said}",
    }  # fmt: skip


def recheck(state: State) -> State:
    """Check the approved script again, because people may have changed it. With errors, nothing is delivered."""
    outcome = Outcome.model_validate(state["outcome"])
    proposal = outcome.proposal
    assert isinstance(proposal, Script)
    findings = validate_script(proposal.content, analysis_of(state)).findings
    errors = [finding for finding in findings if finding.level is Level.ERROR]
    if not errors:
        return {"script": proposal.content, "problem": ""}
    revision = state["revision"] + 1
    changed = outcome.verdict is Verdict.MODIFY
    first = "; ".join(f"line {finding.line}: {finding.words}" for finding in errors[:_NAMED])
    count = f"{len(errors)} error" if len(errors) == 1 else f"{len(errors)} errors"
    what = "The script as reviewers changed it" if changed else "The approved script"
    report_receipt(
        outcome, ReceiptStatus.NOT_APPLIED, f"Nothing was delivered. {what} has {count}: {first}"[:2_000],
        {"errors": [finding.model_dump(mode="json") for finding in errors[:50]]},
    )  # fmt: skip
    shown = "\n".join(f"- line {finding.line}: {markdown.escaped(finding.words)}" for finding in errors[:_NAMED])
    return {
        "revision": revision, "outcome": None, "corrects": outcome.request_id, "script": proposal.content,
        "why": f"Revision {revision + 1}. {what} was approved, but not delivered. It has {count}:\n\n{shown}\n\n"
        "This is that script. Correct it, request changes to have another one written, or reject it.",
        "problem": f"The approved script has {count}.",
    }  # fmt: skip


def after_decision(state: State) -> str:
    """Return the step after the decision: check it again, revise, or report."""
    outcome = question_outcome(state)
    assert outcome is not None
    if outcome.approved:
        return "recheck"
    return "revise" if outcome.verdict is Verdict.REQUEST_CHANGES and _may_revise(state) else "report"


def after_recheck(state: State) -> str:
    """Return the step after the check: deliver, or propose the script again with its errors."""
    if not state["problem"]:
        return "deliver"
    return "validate" if state["revision"] <= settings_of(state).max_revisions else "report"


def _may_revise(state: State) -> bool:
    return state["revision"] < settings_of(state).max_revisions
