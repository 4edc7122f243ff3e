"""What a tool's name says that it does."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.risk import REGISTERED_TOOL, Finding
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

REGISTERED = declare(
    REGISTERED_TOOL, RiskLevel.LOW, "The policy registers the tool as one that only reads.", language=_TOOL,
)

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
    "get list read search find fetch lookup describe show count view check query select retrieve summarize calculate "
    "preview status ls cat diff explain validate inspect browse look load download scan analyze estimate compare ping "
    "head stat verify retrieval think is has glob grep tail poll watch monitor open compute convert translate parse "
    "lint log logs history whoami"
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


READS_SECRET = declare(
    "tool.reads_secret", RiskLevel.HIGH, "The tool's name says that it reads secrets.",
    _example("get_secret"), _example("get_weather"), language=_TOOL, unread=True,
)  # fmt: skip
NEW_KEY = declare(
    "tool.new_key", RiskLevel.HIGH, "The tool's name says that it makes a key, a token, or another way in.",
    _example("create_api_key"), _example("list_api_keys"), language=_TOOL, unread=True,
)  # fmt: skip
PROTECTION_OFF = declare(
    "tool.protection_off", RiskLevel.HIGH, "The tool's name says that it switches a protection off.",
    _example("disable_firewall"), _example("enable_firewall"), language=_TOOL, unread=True,
)  # fmt: skip
MACHINE_STOPS = declare(
    "tool.stops_service", RiskLevel.HIGH, "The tool's name says that it stops or restarts a machine or service.",
    _example("restart_server"), _example("get_server"), language=_TOOL, unread=True,
)  # fmt: skip
PUBLIC = declare(
    "tool.makes_public", RiskLevel.HIGH, "The tool's name says that it makes something public.",
    _example("make_public"), _example("get_public_holidays"), language=_TOOL, unread=True,
)  # fmt: skip
SCHEDULES = declare(
    "tool.schedules", RiskLevel.HIGH, "A command will run by the clock.",
    _example("create_cron_job", '{"schedule": "0 * * * *", "command": "ls"}'),
    _example("schedule_meeting", '{"at": "10:00"}'), language=_TOOL, unread=True,
)  # fmt: skip
ALL_DATA = declare(
    "tool.all_data", RiskLevel.HIGH, "The tool's name says that it takes many people's data out.",
    _example("export_customers"), _example("get_customer"), language=_TOOL, unread=True,
)  # fmt: skip

_MAKES = word_set("create add generate issue new register upload set rotate import insert mint provision")
_SECRETS = word_set("secret secrets password passwords credential credentials apikey passphrase")
_WAYS_IN = word_set("key keys token tokens credential credentials secret secrets password passwords pat certificate")
_OFF = word_set("disable stop pause suspend bypass skip ignore mute turn unprotect deactivate silence")
_PROTECTIONS = word_set(
    "firewall antivirus mfa backup backups logging audit monitoring alert alerts alarm alarms protection guardrail "
    "guardrails encryption defender tls ssl waf policy verification authentication auth scanning"
)
_STOPS = word_set("stop restart reboot shutdown halt scale drain failover power")
_MACHINES = word_set(
    "server servers service services instance instances cluster vm vms host hosts database db node nodes machine "
    "machines deployment deployments pod pods container containers replica replicas"
)
_CLOCK = word_set("cron crontab scheduler schedule scheduled")
_PEOPLE = word_set(
    "customers users people employees contacts patients accounts members leads subscribers records database table"
)
_TAKES_OUT = word_set("export dump extract download share exfiltrate copy bulk")


def combined_findings(call: ToolCall, *, runs: bool) -> Iterator[Finding]:
    """Return what several words of the name, or a word and an argument, say together.

    Args:
        runs: A command or code among the arguments has been read.
    """
    words = set(call.words)
    reads = bool(words & word_set("get read list show fetch view retrieve find search describe")) and not words & _MAKES
    if words & _SECRETS and reads:
        yield READS_SECRET.finding("The tool's name says that it reads secrets. The agent receives them.")
    if words & _WAYS_IN and words & _MAKES and not reads and not runs:
        yield NEW_KEY.finding("The tool's name says that it makes a key, a token, or another way in.")
    if words & _OFF and words & _PROTECTIONS:
        yield PROTECTION_OFF.finding("The tool's name says that it switches a protection off.")
    if words & _STOPS and words & _MACHINES and not reads and not runs:
        yield MACHINE_STOPS.finding("The tool's name says that it stops or restarts a machine or service.")
    if "public" in words and words & {"make", "set", "share", "publish", "expose", "open"}:
        yield PUBLIC.finding("The tool's name says that it makes something public.")
    if words & _TAKES_OUT and words & _PEOPLE and not runs:
        yield ALL_DATA.finding("The tool's name says that it takes the data of many people out.")
    if words & {"place", "submit", "execute"} and words & {"order", "orders", "trade", "bid"}:
        yield PAYS.finding("The tool's name says that it orders or trades something.")
    if (
        words & {"cron", "crontab", "scheduler", "schedule", "scheduled"}
        and runs
        and not words & {"get", "list", "show"}
    ):
        yield SCHEDULES.finding("The command in this call will run by the clock.")


def reading_findings(call: ToolCall) -> Iterator[Finding]:
    """Return what the name of a tool that only reads says about what it reads."""
    about = (READS_SECRET.id, ALL_DATA.id)
    yield from (found for found in combined_findings(call, runs=False) if found.rule in about)


def sends(call: ToolCall) -> bool:
    """Return True if the name says that the tool sends something."""
    return any(word in _ACTS[1][1] for word in call.words)


def _verbs() -> frozenset[str]:
    return frozenset().union(*(triggers for _, triggers, _ in _ACTS))


def destroys(call: ToolCall) -> bool:
    """Return True if the name says that the tool deletes something or moves money."""
    return any(word in DESTROYS for word in call.words)


def only_reads(call: ToolCall) -> bool:
    """Return True if the name says that the tool reads, and nothing else."""
    acts = _verbs().union(*(triggers for _, triggers, _ in _ALWAYS))
    return bool(call.words) and call.words[0] in _READS and not any(word in acts for word in call.words[1:2])
