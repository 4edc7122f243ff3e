"""What a tool's name says that it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from app.domain.risk import REGISTERED_TOOL, Finding
from app.risk.rules import declare, word_set
from app.risk.tools.call import ToolCall
from app.risk.tools.name_words import INFORMATION, LOOKED_UP, STRANGE
from app.risk.tools.wholes import DELETES, whole_of
from assent.contracts import RiskLevel

TOOL = "tool_call"


def example(tool: str, arguments: str = "{}") -> str:
    """A call as the JSON that a rule has as its example."""
    return f'{{"tool": "{tool}", "args": {arguments}}}'


DESTRUCTIVE = declare(
    "tool.destructive", RiskLevel.HIGH, "The tool's name says that it deletes or stops something.",
    example("delete_customer"), example("list_deletions"), language=TOOL, unread=True,
)  # fmt: skip
EXECUTES = declare(
    "tool.executes", RiskLevel.MEDIUM, "The tool's name says that it runs code or commands.",
    example("runJob"), example("get-runs"), language=TOOL, unread=True,
)  # fmt: skip
PAYS = declare(
    "tool.pays", RiskLevel.HIGH, "The tool's name says that it moves money.",
    example("make_payment"), example("list_payments"), language=TOOL, unread=True,
)  # fmt: skip
GRANTS = declare(
    "tool.grants", RiskLevel.HIGH, "The tool's name says that it changes permissions.",
    example("grant-role"), example("list_roles"), language=TOOL, unread=True,
)  # fmt: skip
SENDS = declare(
    "tool.sends", RiskLevel.MEDIUM, "The tool's name says that it sends something to others.",
    example("sendMail"), example("get_sender"), language=TOOL, unread=True,
)  # fmt: skip
WRITES = declare(
    "tool.writes", RiskLevel.MEDIUM, "The tool's name says that it changes something.",
    example("update_ticket"), example("get_updates"), language=TOOL, unread=True,
)  # fmt: skip
READS = declare(
    "tool.reads", RiskLevel.LOW, "The tool's name says that it only reads.",
    example("search_docs"), example("update_docs"), language=TOOL, unread=True,
)  # fmt: skip
UNKNOWN = declare(
    "tool.unknown", RiskLevel.MEDIUM, "The tool's name does not say what it does.",
    example("frobnicate"), example("get_frob"), language=TOOL, unread=True,
)  # fmt: skip
DELETES_WHOLE = declare(
    "tool.deletes_whole", RiskLevel.CRITICAL,
    "The tool's name says that it deletes something with everything that is in it.",
    example("delete_bucket"), example("delete_bucket_policy"), language=TOOL, unread=True,
)  # fmt: skip
DRY_RUN = declare(
    "tool.dry_run", RiskLevel.MEDIUM, "An argument says that the call only shows what it would do.",
    example("delete_rows", '{"dryRun": true}'), example("delete_rows", '{"dryRun": false}'), language=TOOL,
    unread=True,
)  # fmt: skip
ASKS = declare(
    "tool.asks_user", RiskLevel.LOW, "The tool asks or notifies the person at the machine.",
    example("ask_user", '{"question": "Shall I delete it?"}'), example("email_user"), language=TOOL, unread=True,
)  # fmt: skip
AGENTS_OWN = declare(
    "tool.agents_own", RiskLevel.LOW, "A tool that changes only what the agent keeps for itself.",
    example("TodoWrite"), example("TicketWrite"), language=TOOL,
)  # fmt: skip

REGISTERED = declare(
    REGISTERED_TOOL,
    RiskLevel.LOW,
    "The policy registers the tool as one that only reads.",
    language=TOOL,
)

_ALWAYS = (
    (
        DESTRUCTIVE,
        word_set(
            "delete drop remove purge destroy truncate wipe erase terminate uninstall shutdown reboot kill "
            "prune revert "
            "rollback reset overwrite unlink rm void detach evict deprovision decommission deletes removes "
            "flush discard drain annihilate obliterate eradicate nuke teardown expunge shred dispose eliminate "
            "demolish zap cleanup deregister unregister sunset dismantle incinerate deletion unprovision decimate "
            "vaporize scrub"
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
DESTROYS = frozenset().union(*(triggers for _, triggers, _ in _ALWAYS[:2]))
"""Words for deleting, stopping, and moving money."""
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
            "release reserve order configure alter reassign relabel clear empty dismiss acknowledge mute unmute "
            "activate print snooze accept reject decline logout"
        ),
        "changes something",
    ),
)
ACTING = frozenset().union(*(triggers for _, triggers, _ in (*_ALWAYS, *_ACTS)))
_HARM = DESTROYS.union(_ALWAYS[2][1], _ACTS[0][1])
_OPENED = word_set("pull pr merge mr issue ticket incident case account position")
"""What is made by being opened."""
_MOST_PREFIX = 3
"""So many words of a name may be those of a service."""
_NOUNS = (
    (PAYS, word_set("payment payments charge charges charging payouts transfers debit debits"), "seems to move money"),
    (EXECUTES, word_set("command script code python sql shell"), "seems to run code or commands"),
    (SENDS, word_set("email mail message sms webhook slack"), "seems to send something to other people"),
)
PROTECTIONS = word_set(
    "mfa tfa otp sso encryption encrypted encrypt versioning audit auditing logging protection protected protect "
    "backup backups verify verification validation tls ssl https waf firewall antivirus defender signing signature "
    "captcha authentication auth authorization alert alerts alarm alarms alerting monitoring enforce enforced "
    "monitor monitors detector edr siem trail quarantine sandbox guardrail guardrails moderation approval "
    "approvals review reviews reviewers reviewed "
    "confirmation confirm safeguard safe retention block lockout throttle rls dlp scanning scan csp csrf cors secure "
    "policy replication"
)
"""What protects something, in names of tools and of their arguments."""
PROTECTS_TOGETHER = (
    ("two", "factor"), ("second", "factor"), ("rate", "limit"), ("required", "checks"), ("status", "checks"),
    ("block", "public"), ("point", "time"), ("soft", "delete"), ("read", "only"), ("log", "level"),
)  # fmt: skip
"""Pairs of words that protect something."""
PRODUCTION = word_set("prod production live prd")
"""What environments are called that others rely on."""
_PROCESSES = word_set("process processes pid")
_LOOKS = word_set(
    "get list search find describe show count view query preview estimate explain inspect calculate check validate "
    "lookup is has diff compare simulate track"
)
BESIDES = word_set("and or then with plus after")
_ASKS = word_set("ask question prompt clarify consult")
_AT_THE_MACHINE = word_set("user human person operator developer me")
_QUESTIONS = word_set(
    "desktopnotify notifydesktop askquestion askfollowupquestion requestuserinput askhuman humaninput userinput "
    "humanfeedback"
)
_READS = word_set(
    "get list read search find fetch lookup describe show count view check query select retrieve summarize calculate "
    "preview status ls cat diff explain validate inspect browse look load download scan analyze estimate compare ping "
    "head stat verify retrieval think is has glob grep tail poll watch monitor open compute convert translate parse "
    "lint log logs history whoami screenshot render now weather forecast calculator geocode transcribe ocr "
    "classify tokenize embed scroll hover back wait sleep zoom rephrase paraphrase proofread"
)
_READS |= _LOOKS
_VERBS = _READS | ACTING
_THINGS = word_set(
    "email mail message comment order post call share import export archive release log schedule transfer payment "
    "refund trade tip order bid charge invoice alert tweet"
)
"""Words that are verbs, and also names of what a service keeps: ``email_search`` reads."""
_TOLD = word_set("status history stats progress")
_ALSO_NOUNS = _THINGS | word_set("restore backup deploy build sync job upgrade migration purchase run launch commit")
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
    if asks_user(call):
        yield ASKS.finding("This asks or notifies the person who sits at the machine.")
        return
    words = _said(call)
    found = False
    deletes_there = call.text("method", "httpmethod", "verb").upper() == "DELETE"
    if deletes_there and not any("://" in argument.text for argument in call.texts):
        found = True
        yield DESTRUCTIVE.finding("The method DELETE says that it deletes something.")
    if set(call.words) & _PROCESSES and set(words) & {"terminate", "kill", "stop"} and not set(words) & {"all"}:
        yield WRITES.finding("This ends a process.")
        return
    if whole := whole_of(call, deletes(call)):
        yield DELETES_WHOLE.finding(f"The tool's name says that it deletes {whole} with everything that is in it.")
        return
    for rule, triggers, meaning in _ALWAYS if not only_looks(call) else ():
        if hit := next((word for word in words if word in triggers), ""):
            found = True
            yield rule.finding(f"“{hit}” in the tool's name says that it {meaning}.")
    if found:
        return
    reads = bool(words) and (words[0] in _READS or (words[-1] in _READS and words[0] not in ACTING))
    reads = reads and not (set(words) & BESIDES and any(word in ACTING for word in words[1:]))
    reads = reads and (only_looks(call) or not any(word in ACTING for word in call.action))
    if words[:1] == ("open",) and set(words) & _OPENED:
        yield WRITES.finding("The tool's name says that it opens something for others to see.")
        return
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
    hit = next((word for word in words if word in _READS), "") or informs(call)
    if hit:
        yield READS.finding(f"“{hit}” in the tool's name says that it only reads. The agent receives what it reads.")
        return
    for rule, triggers, meaning in _NOUNS[1:]:
        if hit := next((word for word in words if word in triggers), ""):
            found = True
            yield rule.finding(f"“{hit}” in the tool's name: it {meaning}.")
    if not found:
        yield UNKNOWN.finding("The tool's name does not say what it does, and nothing else is known about it.")


def informs(call: ToolCall) -> str:
    """Return the word of a name without a verb that says that the tool tells something, such as ``schema``."""
    words = [*call.words, *call.action]
    if "resolve" in words and words[-1] in LOOKED_UP:
        return "resolve"
    if not words or ACTING & set(words) or set(words) & STRANGE:
        return ""
    if {"browser", "page"} & set(call.all_words) and words[-1] in ("messages", "requests"):
        return words[-1]
    return words[-1] if words[-1] in INFORMATION else words[0] if words[0] in INFORMATION and len(words) < 4 else ""


def sends(call: ToolCall) -> bool:
    """Return True if the name says that the tool sends something."""
    return any(word in _ACTS[1][1] for word in _said(call))


def writes(call: ToolCall) -> bool:
    """Return True if the name says that the tool changes something."""
    return any(word in _ACTS[2][1] for word in _said(call))


def asks_user(call: ToolCall) -> bool:
    """Return True if the tool only asks or notifies the person at the machine."""
    words = [word for word in call.words if word not in ("the", "a", "for")]
    return call.plain in _QUESTIONS or (len(words) == 2 and words[0] in _ASKS and words[1] in _AT_THE_MACHINE)


def deletes(call: ToolCall) -> bool:
    """Return True if the name, or the action that is asked for, says that the tool deletes something."""
    return not only_looks(call) and any(word in DELETES for word in _said(call))


def _said(call: ToolCall) -> tuple[str, ...]:
    """The words of the name, and of the action that an argument names; first those that say more of what is done."""
    return _ordered(tuple(call.words), tuple(call.action))


@lru_cache(maxsize=64)
def _ordered(name: tuple[str, ...], action: tuple[str, ...]) -> tuple[str, ...]:
    words = _from_verb(name)
    if name[:1] == ("request",) and "deletion" in words:
        words = tuple(word for word in words if word != "deletion")  # somebody else is asked for it
    return (*words, *action) if _has_verb(words) else (*action, *words)


def _from_verb(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a name from its verb on, without the service that it begins with: ``stripe_listCharges``."""
    if len(words) == 2 and words[1] in _TOLD and words[0] in _ALSO_NOUNS:
        return words[1:]  # ``restore_status`` tells how a restore goes
    if words and words[0] in _THINGS and words[1:2] and words[1] in _LOOKS and not set(words[1:]) & ACTING:
        return words[1:]
    first = next((number for number, word in enumerate(words) if word in _VERBS), 0)
    if first and words[first] in _LOOKS and words[-1] in DELETES:
        # ``users_list_purge`` purges the list.
        return words
    return words[first:] if first <= _MOST_PREFIX else words


def _has_verb(words: Sequence[str]) -> bool:
    return any(word in _VERBS for word in words)


def only_looks(call: ToolCall) -> bool:
    """Return True if a name begins with a verb that only looks, and nothing says that something is done besides.

    So ``list_deleted_items`` reads, and ``get_and_delete_message`` does not.
    """
    words = _said(call)
    acts = _has_verb(call.words) and any(word in ACTING for word in call.action)
    return bool(words) and words[0] in _LOOKS and not acts and not set(words) & BESIDES


def destroys(call: ToolCall) -> bool:
    """Return True if the name says that the tool deletes something or moves money."""
    return not only_looks(call) and any(word in DESTROYS for word in _said(call))


def speaks_of_harm(call: ToolCall) -> bool:
    """Return True if a word of the name or of the action deletes, moves money, changes permissions, or runs code."""
    said = {*call.all_words, *call.action}
    return bool(said & _HARM) or bool(said & _NOUNS[0][1]) or bool(said & _NOUNS[1][1])


def only_reads(call: ToolCall) -> bool:
    """Return True if the name says that the tool reads, and nothing else."""
    if call.words[1:] == ["plan"] and call.words[0] not in _VERBS:
        # ``terraform_plan`` shows what would be done; ``apply_plan`` does it.
        return True
    words = _said(call)
    acts = any(word in ACTING for word in words[1:2]) and not only_looks(call)
    return bool(words) and words[0] in _READS and not acts


def protects(words: list[str] | set[str]) -> bool:
    """Return True if words name something that protects."""
    found = set(words)
    return bool(found & PROTECTIONS) or any(set(pair) <= found for pair in PROTECTS_TOGETHER)
