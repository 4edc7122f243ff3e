"""Pipelines of build servers: their commands, actions, and permissions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.risk.documents.tree import Lined, LinedText, listed, mapping, mappings_in
from app.risk.effects import SENDS_SECRET
from app.risk.reading import Reading
from app.risk.rules import declare
from app.risk.words import Word
from assent.contracts import RiskLevel

_LANGUAGE = "yaml"
_JOB = "on: push\njobs: {{a: {{runs-on: ubuntu-latest, steps: [{0}]}}}}"
CHANGES = declare(
    "pipeline.runs", RiskLevel.MEDIUM, "A build server runs what the pipeline says.",
    _JOB.format("{run: ls}"), "# on: push", language=_LANGUAGE, unread=True,
)  # fmt: skip
TARGET = declare(
    "pipeline.untrusted", RiskLevel.HIGH, "Code of strangers runs with the repository's secrets.",
    "on: pull_request_target\njobs: {a: {steps: [{run: ls}]}}", _JOB.format("{run: ls}"), language=_LANGUAGE,
)  # fmt: skip
WRITE_ALL = declare(
    "pipeline.permissions", RiskLevel.HIGH, "A pipeline may write to everything in the repository.",
    "on: push\npermissions: write-all\njobs: {a: {steps: [{run: ls}]}}", _JOB.format("{run: ls}"), language=_LANGUAGE,
)  # fmt: skip
UNPINNED = declare(
    "pipeline.unpinned", RiskLevel.MEDIUM, "An action of somebody else is used by a name that they can move.",
    _JOB.format("{uses: someone/thing@main}"), _JOB.format("{uses: actions/checkout@v4}"), language=_LANGUAGE,
)  # fmt: skip
INJECTION = declare(
    "pipeline.injection", RiskLevel.HIGH, "Text from strangers becomes a part of a command.",
    _JOB.format("{run: 'echo ${{ github.event.issue.title }}'}"), _JOB.format("{run: 'echo ${{ github.sha }}'}"),
    language=_LANGUAGE,
)  # fmt: skip
PRINTS_SECRET = declare(
    "pipeline.prints_secret", RiskLevel.HIGH, "A secret gets into the log of a pipeline.",
    _JOB.format("{run: 'echo ${{ secrets.A }} | base64'}"), _JOB.format("{run: 'echo ${{ github.sha }} | base64'}"),
    language=_LANGUAGE,
)  # fmt: skip
GIVES_SECRETS = declare(
    "pipeline.gives_secrets", RiskLevel.HIGH, "Code that somebody else can change gets secrets of the repository.",
    _JOB.format("{uses: someone/thing@main, with: {token: '${{ secrets.A }}'}}"),
    _JOB.format("{uses: actions/checkout@v4, with: {token: '${{ secrets.A }}'}}"), language=_LANGUAGE,
)  # fmt: skip
OWN_MACHINE = declare(
    "pipeline.own_machine", RiskLevel.HIGH, "Code of pull requests runs on a machine of one's own.",
    "on: pull_request\njobs: {a: {runs-on: self-hosted, steps: [{run: ls}]}}",
    "on: push\njobs: {a: {runs-on: self-hosted, steps: [{run: ls}]}}", language=_LANGUAGE,
)  # fmt: skip
UNPROTECTED = declare(
    "pipeline.unprotected", RiskLevel.HIGH, "A protection of the build server is turned off.",
    "on: push\nenv: {ACTIONS_ALLOW_UNSECURE_COMMANDS: true}\njobs: {a: {steps: [{run: ls}]}}", _JOB.format("{run: ls}"),
    language=_LANGUAGE,
)  # fmt: skip
_STRANGERS = re.compile(
    r"github\.(?:event\.(?:issue|pull_request|comment|review|discussion|head_commit|commits|pages|workflow_run)"
    r"[\w.\[\]*]{0,80}\.(?:title|body|message|ref|label|name|email|head_branch|display_title|page_name|default_branch)"
    r"|event\.client_payload|head_ref)"
)
_SECRETS = re.compile(r"\b(?:secrets|github\.token)\b")
_OWN_SECRETS = re.compile(r"\bsecrets\.(?!GITHUB_TOKEN\b)")
_OWNERS = ("actions/", "github/", "docker/", "azure/", "aws-actions/", "google-github-actions/", "hashicorp/", "./")


def _expressions(text: str) -> Iterator[str]:
    """Yield what stands between ``${{`` and ``}}``."""
    for part in text.split("${{")[1:]:
        inner, end, _ = part.partition("}}")
        if end:
            yield inner


def _has(pattern: re.Pattern[str], text: str) -> bool:
    return any(pattern.search(inner) for inner in _expressions(text))


def _without_expressions(text: str) -> str:
    """Return a command with variables in place of its expressions."""
    first, *parts = text.split("${{")
    found = [first]
    for part in parts:
        inner, end, rest = part.partition("}}")
        if not end:
            found.append("${{" + part)
        else:
            found.append(("${assent_secret}" if _SECRETS.search(inner) else "${assent_unknown}") + rest)
    return "".join(found)


def read_github(document: Lined, reading: Reading) -> None:
    """Read a workflow or an action of GitHub."""
    reading.add(CHANGES, "The build server runs what this says.", document.at("jobs"))
    events = document.get("on", document.get("true"))
    names = set(events) if isinstance(events, Lined) else {str(event) for event in listed(events)}
    secrets = any(_has(_SECRETS, str(value)) for part in mappings_in(document) for value in part.values())
    if names & {"pull_request_target", "workflow_run", "issue_comment"}:
        level = RiskLevel.HIGH if secrets or "pull_request_target" in names else RiskLevel.MEDIUM
        reading.add(TARGET, "Strangers can start this, and it has the repository's secrets.", document.at("on"), level)
    secret_names = _secret_variables(document)
    files: dict[str, Word] = {}
    for part in mappings_in(document):
        _read_job(part, names, reading)
        if "uses" in part:
            _read_action(part, reading)
        if isinstance(part.get("run"), LinedText):
            _read_run(part["run"], reading, secret_names, files)


def _secret_variables(document: Lined) -> tuple[str, ...]:
    """Return the environment variables that hold secrets of the repository."""
    return tuple(
        name
        for part in mappings_in(document)
        for name, value in mapping(part.get("env")).items()
        if _has(_SECRETS, str(value))
    )


def _read_job(part: Lined, events: set[str], reading: Reading) -> None:
    if str(part.get("permissions")) == "write-all":
        reading.add(WRITE_ALL, "This may write to everything in the repository.", part.at("permissions"))
    runners = [str(label) for label in listed(mapping(part.get("runs-on")).get("labels") or part.get("runs-on"))]
    if "self-hosted" in runners and events & {"pull_request", "pull_request_target", "issue_comment"}:
        reading.add(OWN_MACHINE, "Code of pull requests runs on a machine of one's own.", part.at("runs-on"))
    unsecure = mapping(part.get("env")).get("ACTIONS_ALLOW_UNSECURE_COMMANDS")
    if str(unsecure).lower() == "true":
        reading.add(UNPROTECTED, "What commands print may then change variables and paths.", part.at("env"))
    options = str(mapping(part.get("container")).get("options"))
    if re.search(r"--privileged|docker\.sock|--(?:pid|net|network)[ =]host", options):
        reading.add(UNPROTECTED, "The job's container gets its machine into its hands.", part.at("container"))


def _read_action(part: Lined, reading: Reading) -> None:
    uses, line = str(part["uses"]), part.at("uses")
    if uses.startswith("./"):
        return
    pinned = re.search(r"@[0-9a-f]{40}$", uses) or (uses.startswith(_OWNERS) and re.search(r"@v?\d", uses))
    if not pinned:
        reading.add(UNPINNED, f"{uses[:80]} can be changed by its owner at any time.", line)
    given = [str(value) for key in ("with", "env") for value in mapping(part.get(key)).values()]
    secrets = any(_has(_OWN_SECRETS, value) for value in given) or str(part.get("secrets")) == "inherit"
    if secrets and not re.search(r"@(?:v?\d|[0-9a-f]{40}$)", uses):
        reading.add(GIVES_SECRETS, f"{uses[:80]} can be changed at any time, and gets secrets of the repository.", line)
    for key, value in mapping(part.get("with")).items():
        if isinstance(value, LinedText) and _CODE_INPUTS.fullmatch(key) and _has(_STRANGERS, value):
            reading.add(INJECTION, "Text that strangers write becomes a part of this code.", value.line)


_CODE_INPUTS = re.compile(r"(?i)script|inline_?script|run|command|cmd|args|arguments|code|query|entrypoint|options")
_PRINTS = re.compile(
    r"(?m)^[ \t]*(?:echo|printf)\b[^|>\n]{0,200}\$\{\{[^}\n]{0,200}\bsecrets\b[^|>\n]{0,200}$"
    r"|\bsecrets\b[^\n]{0,200}\|[ \t]{0,9}(?:base64|rev|xxd|od|hexdump|fold|tr|sed)\b"
    r"(?![^\n]{0,200}(?:-d\b|-D\b|--decode|>|\|))"
)


def _read_run(run: LinedText, reading: Reading, secret_names: tuple[str, ...], files: dict[str, Word]) -> None:
    if _has(_STRANGERS, run):
        reading.add(INJECTION, "Text that strangers write becomes a part of this command.", run.line)
    if _PRINTS.search(run):
        reading.add(PRINTS_SECRET, "This writes a secret of the repository into the log.", run.line)
    if _has(_SECRETS, run) and _SENDS.search(run) and _CARRIES_SECRET.search(run):
        reading.add(SENDS_SECRET, "This sends the repository's secrets to another machine.", run.line)
    plain = _without_expressions(run)
    names = (*secret_names, "assent_secret")
    reading.read("shell", plain, run.line, image=True, secret_variables=names, files=files)


_SENDS = re.compile(r"\b(?:curl|wget|nc|http)\b")
_CARRIES_SECRET = re.compile(
    r"toJSON\(secrets\)|(?:-d|--data(?:-\w{1,20})?|-F|--form|-T|\?\w{1,40}=)[^\n]{0,300}secrets\."
)


def read_gitlab(document: Lined, reading: Reading) -> None:
    """Read a pipeline of GitLab."""
    reading.add(CHANGES, "The build server runs what this says.", document.line)
    for part in mappings_in(document):
        for name in ("script", "before_script", "after_script"):
            for command in listed(part.get(name)):
                if isinstance(command, LinedText):
                    reading.read("shell", command, command.line, image=True)
