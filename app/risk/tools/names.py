"""What a tool's name says that it does."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.risk import Finding
from app.risk.rules import declare, word_set
from app.risk.tools.call import ToolCall
from assent.contracts import RiskLevel

_TOOL = "tool_call"


def _example(tool: str, arguments: str = "{}") -> str:
    return f'{{"tool": "{tool}", "args": {arguments}}}'


DESTRUCTIVE = declare(
    "tool.destructive", RiskLevel.HIGH, "The tool's name says that it deletes or stops something.",
    _example("delete_customer"), _example("list_deletions"), language=_TOOL, unread=True,
)  # fmt: skip
EXECUTES = declare(
    "tool.executes", RiskLevel.MEDIUM, "The tool's name says that it runs code or commands.",
    _example("runJob"), _example("get-runs"), language=_TOOL, unread=True,
)  # fmt: skip
PAYS = declare(
    "tool.pays", RiskLevel.HIGH, "The tool's name says that it moves money.",
    _example("make_payment"), _example("list_payments"), language=_TOOL, unread=True,
)  # fmt: skip
GRANTS = declare(
    "tool.grants", RiskLevel.HIGH, "The tool's name says that it changes permissions.",
    _example("grant-role"), _example("list_roles"), language=_TOOL, unread=True,
)  # fmt: skip
SENDS = declare(
    "tool.sends", RiskLevel.MEDIUM, "The tool's name says that it sends something to others.",
    _example("sendMail"), _example("get_sender"), language=_TOOL, unread=True,
)  # fmt: skip
WRITES = declare(
    "tool.writes", RiskLevel.MEDIUM, "The tool's name says that it changes something.",
    _example("update_ticket"), _example("get_updates"), language=_TOOL, unread=True,
)  # fmt: skip
READS = declare(
    "tool.reads", RiskLevel.LOW, "The tool's name says that it only reads.",
    _example("search_docs"), _example("update_docs"), language=_TOOL, unread=True,
)  # fmt: skip
UNKNOWN = declare(
    "tool.unknown", RiskLevel.MEDIUM, "The tool's name does not say what it does.",
    _example("frobnicate"), _example("get_frob"), language=_TOOL, unread=True,
)  # fmt: skip
AGENTS_OWN = declare(
    "tool.agents_own", RiskLevel.LOW, "A tool that changes only what the agent keeps for itself.",
    _example("TodoWrite"), _example("TicketWrite"), language=_TOOL,
)  # fmt: skip

_ALWAYS = (
    (
        DESTRUCTIVE,
        word_set(
            "delete drop remove purge destroy truncate wipe erase terminate uninstall shutdown kill prune revert "
            "rollback reset overwrite unlink rm format detach evict deprovision decommission deletes removes flush "
            "discard drain"
        ),
        "deletes or stops something, perhaps irreversibly",
    ),
    (
        PAYS,
        word_set(
            "pay transfer withdraw payout wire purchase buy sell trade refund remit donate checkout disburse settle "
            "tip bid"
        ),
        "moves money",
    ),
    (
        GRANTS,
        word_set("grant revoke authorize impersonate elevate promote assume"),
        "changes permissions",
    ),
)
_ACTS = (
    (
        EXECUTES,
        word_set("exec execute run eval sudo deploy install subprocess invoke apply spawn launch trigger"),
        "runs code or commands, which can do anything that its account may do",
    ),
    (
        SENDS,
        word_set(
            "send publish post tweet broadcast notify forward reply share upload invite announce submit call dial "
            "push export email message comment respond"
        ),
        "sends something to other people or systems, which cannot be recalled",
    ),
    (
        WRITES,
        word_set(
            "create update insert write set edit modify put patch move rename merge add save store assign schedule "
            "cancel close approve restart enable disable replace upsert register book archive import sync commit "
            "stop start toggle change append upgrade migrate scale mark subscribe unsubscribe copy attach mkdir "
            "click type fill touch unpack reopen lock unlock transition pause resume rotate restore unarchive "
            "release reserve order configure"
        ),
        "changes something",
    ),
)
_NOUNS = (
    (PAYS, word_set("payment payments charge charges charging payouts transfers"), "seems to move money"),
    (EXECUTES, word_set("command script code python sql shell"), "seems to run code or commands"),
    (SENDS, word_set("email mail message sms webhook slack"), "seems to send something to other people"),
)
_READS = word_set(
    "get list read search find fetch lookup describe show count view check query select retrieve summarize "
    "calculate preview status ls cat diff explain validate inspect browse look load download scan analyze estimate "
    "compare ping head stat verify retrieval think is has glob grep tail poll watch monitor open compute convert "
    "translate parse lint log logs history whoami"
)
OWN = word_set(
    "todowrite todoread todo task agent exitplanmode enterplanmode websearch bashoutput askuserquestion skill "
    "sequentialthinking think updateplan taskcreate taskupdate tasklist taskget toolsearch plan memory remember "
    "createtask updatetodolist"
)
"""Tools of coding agents that act on nothing but the agent's own state, or ask a search engine."""


def name_findings(call: ToolCall) -> Iterator[Finding]:
    """Return what the name says. A name that says that the tool reads says so only if nothing in it says otherwise."""
    if call.plain in OWN:
        yield AGENTS_OWN.finding("This changes nothing but what the agent keeps for itself.")
        return
    words = call.words
    found = False
    for rule, triggers, meaning in _ALWAYS:
        if hit := next((word for word in words if word in triggers), ""):
            found = True
            yield rule.finding(f"“{hit}” in the tool's name says that it {meaning}.")
    if found:
        return
    reads = bool(words) and (words[0] in _READS or (words[-1] in _READS and words[0] not in _verbs()))
    if not reads:
        for rule, triggers, meaning in _ACTS:
            if hit := next((word for word in words if word in triggers), ""):
                found = True
                yield rule.finding(f"“{hit}” in the tool's name says that it {meaning}.")
                if rule is EXECUTES:
                    break
    money = next((word for word in words if word in _NOUNS[0][1]), "")
    if money and not reads:
        yield PAYS.finding(f"“{money}” in the tool's name: it seems to move money.")
        return
    if found:
        return
    if hit := next((word for word in words if word in _READS), ""):
        yield READS.finding(f"“{hit}” in the tool's name says that it only reads. The agent receives what it reads.")
        return
    for rule, triggers, meaning in _NOUNS[1:]:
        if hit := next((word for word in words if word in triggers), ""):
            found = True
            yield rule.finding(f"“{hit}” in the tool's name: it {meaning}.")
    if not found:
        yield UNKNOWN.finding("The tool's name does not say what it does, and nothing else is known about it.")


def _verbs() -> frozenset[str]:
    return frozenset().union(*(triggers for _, triggers, _ in _ACTS))


def destroys(call: ToolCall) -> bool:
    """Return True if the name says that the tool deletes something or moves money."""
    return any(word in triggers for _, triggers, _ in _ALWAYS[:2] for word in call.words)


def only_reads(call: ToolCall) -> bool:
    """Return True if the name says that the tool reads, and nothing else."""
    acts = _verbs().union(*(triggers for _, triggers, _ in _ALWAYS))
    return bool(call.words) and call.words[0] in _READS and not any(word in acts for word in call.words[1:2])
