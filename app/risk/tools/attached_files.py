"""Files and secrets among the arguments of a call: what it sends to others, and what it changes."""

from __future__ import annotations

import re

from app.risk.effects import SENDS_SECRET, Act, act_on, host_of
from app.risk.hosts import is_drop
from app.risk.people import holds_people
from app.risk.places import Place, place_of
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.tools import names
from app.risk.tools.call import Argument, ToolCall, words_in
from app.risk.words import Word
from assent.contracts import RiskLevel
from assent.secret_patterns import find_spans

_FILES = word_set(
    "document documents media photo video path paths file files filename filepath attachment attachments source"
)
_HANDS_OVER = word_set("http https request requests fetch curl wget webhook paste pastebin gist attach attachment")
CREDENTIALS = word_set("authorization auth token headers header apikey key login credentials password")
"""Arguments with which a tool signs in, rather than what it sends."""
_LONGEST_SEARCHED = 20_000


def read_written_files(call: ToolCall, reading: Reading) -> None:
    """Note files that take effect by themselves, such as pipelines, hooks, or who may sign in, among the arguments."""
    for argument in call.texts:
        path = argument.text.strip()
        if argument.words & _FILES and not re.search(r"\s", path) and place_of(path) in _BY_THEMSELVES:
            with reading.at_item(argument.path):
                act_on(reading, Act.WRITE, Word(path, 1, path))


_BY_THEMSELVES = frozenset((
    Place.ACCESS, Place.SCHEDULE, Place.STARTUP, Place.HOOK, Place.PIPELINE, Place.AGENT, Place.BOOT,
))  # fmt: skip


def _has_secret(argument: Argument) -> bool:
    """Return True if a text contains a secret, or the placeholder of one that was masked."""
    text = argument.text[:_LONGEST_SEARCHED]
    return "⟦secret:" in text or bool(find_spans(text))


PEOPLE = declare(
    "tool.sends_people",
    RiskLevel.HIGH,
    "A file with the data of many people is sent.",
    names.example("send_email", '{"to": "a@example.com", "attachments": ["customers_full.csv"]}'),
    names.example("send_email", '{"to": "a@example.com", "attachments": ["agenda.pdf"]}'),
    language=names.TOOL,
)
_SECRET_REFERENCE = re.compile(
    r"\{\{[^{}]{0,200}?(?:\bvault\b|secret|lookup\(|\benv\b|getenv|\bssm\b|keyvault|password|credential|private_?key"
    r"|api_?key|kubeconfig)[^{}]{0,200}\}\}"
    r"|\$\{\{[^{}]{0,80}secrets\.[^{}]{0,80}\}\}|\$\{(?:env:|secrets?[.:/]|vault:|ssm:|aws:secretsmanager)[^{}]{1,200}\}"
    r"|<%=?[^%]{0,200}(?:ENV\[|secret|credential)[^%]{0,200}%>|\b(?:vault|op|ssm|secretsmanager|keyvault|akv|sm)://\S{3,}"
    r"|\$\((?:cat|base64|vault|op|aws|gcloud|az|kubectl|printenv|env|security|pass)\b[^()]{0,200}"
    r"(?:\.ssh|\.env|secret|credential|password|token|environ|shadow|printenv|\benv\b)[^()]{0,200}\)",
    re.IGNORECASE,
)
"""Ways to write that a text takes a secret from a store when it is filled in."""
_OUTSIDE = re.compile(
    r"@(?:[\w-]+\.)*(?:lists?|groups?|googlegroups)\.[\w.-]+|@(?:gmail|googlemail|outlook|hotmail|live|yahoo|ymail|aol"
    r"|icloud|me|proton(?:mail)?|pm|gmx|web|mail|yandex|qq|163|zoho|tutanota|mailinator|guerrillamail)\.[a-z.]+"
    r"|(?:-|_|\b)(?:list|partners|all|everyone|customers|press|public)@",
    re.IGNORECASE,
)


def _goes_outside(call: ToolCall) -> bool:
    """Return True if a call sends to a mailing list, a private mailbox, or a bin that anybody can read."""
    return any(
        "\n" not in argument.text
        and len(argument.text) <= 300
        and (_OUTSIDE.search(argument.text) or is_drop(host_of(argument.text)))
        for argument in call.texts
        if not argument.words & _FILES
    )


def read_sent_files(call: ToolCall, reading: Reading) -> None:
    """Note secrets in files that a call sends somewhere."""
    sends = names.sends(call) or bool(set(call.words) & {"paste", "pastebin", "gist"})
    if not sends and not set(call.words) & _HANDS_OVER:
        return
    outside = _goes_outside(call)
    for argument in call.texts:
        if not argument.words & CREDENTIALS and _SECRET_REFERENCE.search(argument.text[:_LONGEST_SEARCHED]):
            with reading.at_item(argument.path):
                reading.add(SENDS_SECRET, f"The argument {argument.path} takes a secret from a store, and it is sent.")
        if argument.words & _FILES and holds_people(argument.text):
            level = RiskLevel.CRITICAL if outside else None
            with reading.at_item(argument.path):
                reading.add(PEOPLE, f"This sends {argument.text[:80]}, the data of many people.", None, level)
        if sends and not argument.words & CREDENTIALS and _has_secret(argument):
            with reading.at_item(argument.path):
                reading.add(SENDS_SECRET, f"The argument {argument.path} contains a secret, which is sent to others.")
        path = argument.text.strip()
        # As curl has it, a file is named after an @ sign, or after one within a form.
        marked = path.startswith("@") or re.match(r"[\w.-]{1,60}=@", path) is not None
        path = path.partition("@")[2] if marked else path
        named = marked or _FILES & {*words_in(argument.path)}
        secret = named and place_of(path) in (Place.SECRET, Place.ACCESS)
        if secret and "\n" not in path:
            with reading.at_item(argument.path):
                reading.add(SENDS_SECRET, f"This sends {argument.text[:80]}, which may hold secrets.")
