"""What a verb means when it is known what it is done to: locking a door is not locking a file.

A row of a table names verbs and objects. A call is one of these deeds if its name, or the action and the kind of thing
that its arguments name, has one of each and nothing that the row leaves out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.risk.rules import RiskRule, declare, word_set
from app.risk.tools import names
from app.risk.tools.call import ToolCall, words_in
from app.risk.tools.wholes import KINDS
from assent.contracts import RiskLevel

PHYSICAL = declare(
    "tool.physical", RiskLevel.HIGH, "The tool moves or opens something in the real world that people rely on.",
    names.example("unlock_door"), names.example("unlock_file"), language=names.TOOL, unread=True,
)  # fmt: skip
LOCKS_OUT = declare(
    "tool.locks_out", RiskLevel.HIGH, "The tool's name says that somebody loses access to an account or a device.",
    names.example("suspend_user"), names.example("suspend_job"), language=names.TOOL, unread=True,
)  # fmt: skip
CANCELS = declare(
    "tool.cancels", RiskLevel.HIGH, "The tool's name says that it cancels what somebody has bought or agreed on.",
    names.example("cancel_subscription"), names.example("cancel_build"), language=names.TOOL, unread=True,
)  # fmt: skip
RESTORES = declare(
    "tool.restores", RiskLevel.HIGH, "The tool's name says that older data replaces what is there now.",
    names.example("restore_backup"), names.example("list_backups"), language=names.TOOL, unread=True,
)  # fmt: skip
APPROVES = declare(
    "tool.approves", RiskLevel.HIGH, "The tool's name says that it approves what a person should have looked at.",
    names.example("approve_pull_request"), names.example("request_review"), language=names.TOOL, unread=True,
)  # fmt: skip
COMMITS = declare(
    "tool.commits", RiskLevel.HIGH, "The tool's name says that it signs or files something that binds somebody.",
    names.example("sign_contract"), names.example("read_contract"), language=names.TOOL, unread=True,
)  # fmt: skip
INSTALLS = declare(
    "tool.installs", RiskLevel.HIGH, "The tool's name says that it adds software that has not been read.",
    names.example("install_extension"), names.example("list_extensions"), language=names.TOOL, unread=True,
)  # fmt: skip
BULK = declare(
    "tool.bulk", RiskLevel.HIGH, "The tool's name says that it changes many things at once.",
    names.example("bulk_update_tickets"), names.example("mark_all_read"), language=names.TOOL, unread=True,
)  # fmt: skip
MAILS_MANY = declare(
    "tool.mails_many", RiskLevel.HIGH, "The tool's name says that it sends something to many people.",
    names.example("send_newsletter"), names.example("preview_newsletter"), language=names.TOOL, unread=True,
)  # fmt: skip
PUBLISHES = declare(
    "tool.publishes", RiskLevel.HIGH, "The tool's name says that it releases software to everybody who uses it.",
    names.example("publish_package"), names.example("unpublish_draft"), language=names.TOOL, unread=True,
)  # fmt: skip
SMALL = declare(
    "tool.small_change", RiskLevel.LOW, "The tool's name says that it makes a draft, a mark, or a note.",
    names.example("create_draft"), names.example("send_draft"), language=names.TOOL, unread=True,
)  # fmt: skip
TESTS = declare(
    "tool.runs_checks", RiskLevel.LOW, "The tool's name says that it runs tests, or checks or formats code.",
    names.example("run_tests"), names.example("run_job"), language=names.TOOL, unread=True,
)  # fmt: skip
COMPUTES = declare(
    "tool.computes", RiskLevel.LOW, "The tool's name says that it only computes something, or makes a new text.",
    names.example("hash_text"), names.example("frobnicate_text"), language=names.TOOL, unread=True,
)  # fmt: skip
CLEARS_CACHE = declare(
    "tool.clears_cache", RiskLevel.MEDIUM, "The tool's name says that it empties a cache, which fills again.",
    names.example("purge_cache"), names.example("purge_queue"), language=names.TOOL, unread=True,
)  # fmt: skip


@dataclass(frozen=True)
class Deed:
    """A row: some verbs on some objects.

    Attributes:
        verbs: One of these is said; none means that the objects say it all.
        objects: One of these is said, as one thing; none means that the verbs say it all.
        besides: If there are any, one of these has to be in the name, its server's included.
        without: None of these is said.
        level: How bad it is, if that is not what the rule says.
    """

    rule: RiskRule
    meaning: str
    verbs: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()
    besides: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    level: RiskLevel | None = None

    def is_done(self, said: Said) -> bool:
        """Return True if this is what a call says that it does."""
        if self.without & said.words or (self.besides and not self.besides & said.everything):
            return False
        return (not self.verbs or bool(self.verbs & said.words)) and (
            not self.objects or bool(self.objects & (said.words | said.kinds))
        )


class Said:
    """The words of a call: those of its name and action, also as singulars, and those of the kind of thing it names."""

    def __init__(self, call: ToolCall) -> None:
        self.service = _service_of(call)
        self.words = _with_singulars([*call.words, *call.action, *self.service])
        self.kinds = _with_singulars(words_in(call.text(*KINDS)[:60]))
        self.everything = self.words | _with_singulars(call.all_words)


def _with_singulars(words: list[str]) -> frozenset[str]:
    return frozenset([*words, *(word[:-1] for word in words if len(word) > 3 and word[-1] == "s" and word[-2] != "s")])


def _service_of(call: ToolCall) -> list[str]:
    """Return the words of an action under the keys that home automation uses: a domain, and a service or an entity."""
    entity = next((argument.text for argument in call.texts if argument.words == {"entity", "id"}), "")
    domain, service = "", ""
    if {"call", "service"} <= set(call.words):
        service = call.text("service", "servicename")
        domain = call.text("domain")
        if not domain and "." in service:
            domain, _, service = service.partition(".")
    if not domain and re.fullmatch(r"[a-z_]{1,40}\.\w+", entity):
        domain = entity.partition(".")[0]
    return words_in(f"{domain}_{service[:60]}") if re.fullmatch(r"\w{1,40}", domain) else []


MANY_WORDS = word_set("bulk mass everyone everything")
