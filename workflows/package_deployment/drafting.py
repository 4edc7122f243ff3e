"""The steps up to the proposal: the analysis, and the five stages that end in a script."""

from __future__ import annotations

from assent import Attachment, Outcome, Question, markdown, publish_artifact, request_approval
from assent.toolbox import recorded
from workflows.package_deployment import analyzer
from workflows.package_deployment.analysis import PackageAnalysis, Technology
from workflows.package_deployment.analysis_report import analysis_markdown
from workflows.package_deployment.scripts.detection import Target, detection_script
from workflows.package_deployment.scripts.generating import (
    Draft,
    draft_script,
    retrieve_functions,
    structure_request,
    validate_script,
)
from workflows.package_deployment.scripts.instruction_base import Mode, Origin, Source
from workflows.package_deployment.scripts.instruction_kinds import InstallerArguments
from workflows.package_deployment.scripts.instruction_model import Instructions
from workflows.package_deployment.scripts.planning import switch_for
from workflows.package_deployment.state import Json, State, settings_of
from workflows.package_deployment.toolkit.findings import ScriptFinding
from workflows.package_deployment.toolkit.quality import assess_quality
from workflows.package_deployment.tools import package_analyzer

WRITER = "packaging agent"
ANALYSIS, INSTRUCTIONS, FUNCTIONS = "1-analysis.md", "2-instructions.md", "3-functions.md"
SCRIPT, VALIDATION, QUALITY = "4-Invoke-AppDeployToolkit.ps1", "5-validation.md", "6-quality.md"
_PARTS = frozenset({Technology.MSI_TRANSFORM, Technology.MERGE_MODULE})
"""What is no installer by itself."""
_NO_ARGUMENTS = "No arguments for a silent installation are known."
MOST_ATTACHED = 90_000
"""Characters of an attachment; all together stay below the contract's limit."""
_PURPOSES = ("install", "uninstall", "repair")


def analysis_of(state: State) -> PackageAnalysis:
    """Return the analysis as a model."""
    return PackageAnalysis.model_validate(state["analysis"])


def instructions_of(state: State) -> Instructions:
    """Return the instructions as a model."""
    return Instructions.model_validate(state["instructions"])


def draft_of(state: State) -> Draft:
    """Return the draft as a model."""
    return Draft.model_validate(state["draft"])


def name_of(analysis: PackageAnalysis) -> str:
    """Return the product and its version, or the name of the file."""
    return f"{analysis.product_name or analysis.file_name} {analysis.version}".strip()


def analyze(state: State) -> State:
    """Analyze the package in the sandbox."""
    settings = settings_of(state)
    inputs = {"package_path": settings.package, "analysis_depth": settings.analysis_depth.value}
    with recorded(package_analyzer, inputs):
        analysis = analyzer.analyze_package(settings.package, settings.analysis_depth)
    publish_artifact(ANALYSIS, analysis_markdown(analysis), "text/markdown")
    publish_artifact("analysis.json", analysis.model_dump_json(indent=2), "application/json")
    problem = ""
    if analysis.technology in _PARTS:
        what = "a transform" if analysis.technology is Technology.MSI_TRANSFORM else "a merge module"
        problem = f"The package is {what}, which cannot be installed by itself."
    elif not analysis.can_be_run:
        problem = " ".join([f"“{analysis.file_name}” cannot be installed.", *analysis.notes])[:1_000]
    return {
        "analysis": analysis.model_dump(mode="json"), "switches": {}, "suggestions": [], "revision": 0, "why": "",
        "corrects": "", "problem": problem, "outcome": None,
    }  # fmt: skip


def instruct(state: State) -> State:
    """First stage: what is wanted, and what follows from the package, as typed instructions."""
    settings, analysis = settings_of(state), analysis_of(state)
    found = structure_request(
        settings.request, analysis, Mode(settings.mode), settings.preferences, state.get("suggestions", [])
    )
    given = [
        InstallerArguments.model_validate({
            "purpose": purpose, "arguments": arguments,
            "source": Source(origin=Origin.SUGGESTION, words="The answer to the question about silent arguments"),
        })
        for purpose, arguments in state.get("switches", {}).items()
    ]  # fmt: skip
    # That the package needs arguments is no longer true once a person has given them.
    notes = [note for note in found.notes if not (given and note.startswith(_NO_ARGUMENTS))]
    found = found.model_copy(update={"items": [*found.items, *given], "notes": notes})
    publish_artifact(INSTRUCTIONS, f"# Instructions\n\n{instructions_markdown(found)}", "text/markdown")
    return {"instructions": found.model_dump(mode="json")}


def needs_switches(state: State) -> bool:
    """Return whether it is not known how to install the package without asking anybody."""
    analysis = analysis_of(state)
    if analysis.technology in (Technology.MSI, Technology.MSI_PATCH) or switch_for(analysis, "install"):
        return False
    return not any(item.purpose == "install" for item in instructions_of(state).of(InstallerArguments))


def ask(state: State) -> State:
    """Ask a person for the arguments of a silent installation. Do nothing else, because the step runs again."""
    outcome = request_approval(_question(state))
    answer = outcome.answer if isinstance(outcome.answer, dict) else {}
    given = {purpose: str(answer[purpose]).strip() for purpose in _PURPOSES if str(answer.get(purpose) or "").strip()}
    if "install" not in given:
        return {"problem": "Nobody knows how to install the package without asking its user."}
    return {"switches": given}


def _question(state: State) -> Question:
    analysis = analysis_of(state)
    name = name_of(analysis)
    guesses = [switch for switch in analysis.switches if switch.purpose in _PURPOSES and switch.arguments]
    lines = [
        f"How is {markdown.escaped(name)} installed without asking its user? The analysis has found no arguments that "
        f"can be relied on (technology: {analysis.technology.in_words}).",
        "",
        *([*(f"- {markdown.escaped(note)}" for note in analysis.notes[:10]), ""] if analysis.notes else []),
        "Look into the documentation of the product, or try it on a test computer. If there is no way, reject the "
        "question.",
    ]
    if guesses:
        lines += ["", "Guesses, which may be wrong:", ""]
        lines += [f"- {switch.purpose}: {markdown.code(switch.arguments)}" for switch in guesses]
    text = {"type": "string", "maxLength": 1_000, "pattern": r"^[^\x00-\x1f]*$"}
    properties = {
        purpose: text | {"title": f"Arguments to {purpose}", "description": words}
        for purpose, words in zip(
            _PURPOSES,
            (
                "Such as /S or /quiet /norestart",
                "For the uninstaller that Windows lists. Empty: not known",
                "Empty: not known",
            ),
            strict=True,
        )
    }
    properties["install"] |= {"minLength": 1}
    report = analysis_markdown(analysis)[:MOST_ATTACHED]
    return Question(
        title=f"Silent installation of {name}"[:200],
        question="\n".join(lines),
        agent=WRITER,
        environment=settings_of(state).environment,
        labels={"workflow": "package_deployment"},
        attachments=[Attachment(title="Analysis of the package", media="text/markdown", content=report)],
        answer_schema={
            "type": "object",
            "required": ["install"],
            "properties": properties,
            "additionalProperties": False,
        },
    )


def retrieve(state: State) -> State:
    """Second stage: the functions of the toolkit that fit each instruction."""
    found = retrieve_functions(instructions_of(state)).model_dump(mode="json")
    functions: list[Json] = found["instructions"]
    rows = [
        (
            markdown.escaped(entry["instruction"]),
            ", ".join(markdown.code(found["function"]) for found in entry["functions"]),
        )
        for entry in functions
    ]
    lines = ["# Functions of the toolkit", "", *markdown.table(["instruction", "functions, the best first"], rows)]
    publish_artifact(FUNCTIONS, "\n".join(lines), "text/markdown")
    return {"functions": functions}


def generate(state: State) -> State:
    """Third stage: the script, from typed blocks."""
    draft = draft_script(analysis_of(state), instructions_of(state))
    publish_artifact(SCRIPT, draft.script)
    publish_artifact("detection.ps1", detection_script(draft.detection, Target.INTUNE))
    return {"draft": draft.model_dump(mode="json"), "script": draft.script}


def validate(state: State) -> State:
    """Fourth stage: what is wrong in the script, compared with the toolkit and the package."""
    found = validate_script(state["script"], analysis_of(state)).findings
    rows = [
        (str(finding.line), finding.level.value, markdown.code(finding.code), markdown.escaped(finding.words),
         markdown.escaped(finding.suggestion))
        for finding in found
    ]  # fmt: skip
    lines = ["# Validation", ""]
    head = ["line", "level", "code", "finding", "suggestion"]
    lines += markdown.table(head, rows) if rows else ["Nothing was found."]
    publish_artifact(VALIDATION, "\n".join(lines), "text/markdown")
    return {"findings": [finding.model_dump(mode="json") for finding in found]}


def assess(state: State) -> State:
    """Fifth stage: the quality of the script, check by check."""
    analysis, findings = analysis_of(state), findings_of(state)
    checks = assess_quality(state["script"], analysis, findings, has_detection_rule=True)
    quality = [check.model_dump(mode="json") for check in checks]
    publish_artifact(QUALITY, f"# Quality\n\n{quality_markdown(quality)}", "text/markdown")
    return {"quality": quality}


def findings_of(state: State) -> list[ScriptFinding]:
    """Return the findings as models."""
    return [ScriptFinding.model_validate(finding) for finding in state["findings"]]


def instructions_markdown(found: Instructions) -> str:
    """Return the instructions as a table, with what was not understood."""
    rows = [
        (markdown.escaped(item.sentence), item.source.origin.value, markdown.escaped(item.source.words))
        for item in found.items
    ]
    lines = markdown.table(["instruction", "from", "words or fact"], rows)
    if found.not_understood:
        lines += ["", "Nothing follows from these words of the request:", ""]
        lines += [f"- {markdown.escaped(words)}" for words in found.not_understood]
    if found.notes:
        # The words keep what follows from being read as part of the list above.
        lines += ["", "To be considered:", "", *(f"- {markdown.escaped(note, 1_000)}" for note in found.notes)]
    return "\n".join(lines) + "\n"


def quality_markdown(checks: list[Json]) -> str:
    """Return the checks of the quality one by one."""
    rows = [
        (markdown.escaped(check["title"]), f"{check['weight']:g}", f"{check['passed']:.0%}",
         markdown.escaped(check["words"], 1_000))
        for check in checks
    ]  # fmt: skip
    return "\n".join(markdown.table(["check", "weight", "passed", "why"], rows)) + "\n"


def question_outcome(state: State) -> Outcome | None:
    """Return the outcome of the proposal, if people have decided."""
    return Outcome.model_validate(state["outcome"]) if state.get("outcome") else None
