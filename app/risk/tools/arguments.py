"""What the arguments of a call that acts say: how far it reaches, and what they switch off, open, or give.

Tools of unknown services have few words in common, and yet their arguments speak the same language: a filter that is
``*``, a number of replicas that is 0, a role that is ``owner``, a protection that is false.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.risk.commands.cloud_rules import expires_everything
from app.risk.effects import READS_SECRET
from app.risk.places import Place, place_of
from app.risk.reading import Reading
from app.risk.resemblance import call_text
from app.risk.rules import RiskRule, declare, word_set
from app.risk.tools import names
from app.risk.tools.call import MOST_ARGUMENTS, Setting, ToolCall, json_in, words_in
from app.risk.tools.manner import REPLACES, Manner
from app.risk.tools.powers import OPEN, powers, read_statement
from app.risk.tools.switches import NONE, OFF, switches
from assent.contracts import RiskLevel

BROAD = declare(
    "tool.args.broad",
    RiskLevel.HIGH,
    "An argument makes the call affect everything, or skip a safeguard.",
    names.example("update_tickets", '{"filter": "*"}'),
    names.example("list_tickets", '{"filter": "*"}'),
    language=names.TOOL,
)
ALL_GONE = declare(
    "tool.args.all_gone",
    RiskLevel.CRITICAL,
    "Everything that a call finds is deleted.",
    names.example("delete_tickets", '{"filter": "*"}'),
    names.example("delete_tickets", '{"filter": "id:5"}'),
    language=names.TOOL,
)
PRODUCTION = declare(
    "tool.args.production",
    RiskLevel.HIGH,
    "A call that acts names a production environment.",
    names.example("deploy", '{"environment": "production"}'),
    names.example("deploy", '{"environment": "test"}'),
    language=names.TOOL,
)
STOPPED = declare(
    "tool.args.stopped",
    RiskLevel.HIGH,
    "An argument sets how much of a service runs to nothing.",
    names.example("scale_service", '{"replicas": 0}'),
    names.example("scale_service", '{"replicas": 3}'),
    language=names.TOOL,
)
MANY = declare(
    "tool.args.many",
    RiskLevel.HIGH,
    "The call sends something to many people at once.",
    names.example("send_mail", '{"to": "all-staff@example.com"}'),
    names.example("send_mail", '{"to": "dba@example.com"}'),
    language=names.TOOL,
)
FORWARDS = declare(
    "tool.args.forwards",
    RiskLevel.HIGH,
    "What somebody receives from now on is also sent elsewhere.",
    names.example("update_mailbox", '{"forwardTo": "a@example.com"}'),
    names.example("update_mailbox", '{"folder": "done"}'),
    language=names.TOOL,
)

KEPT = declare(
    "tool.args.retention",
    RiskLevel.HIGH,
    "A call changes how long messages, logs, or backups are kept.",
    names.example("alter_topic", '{"config": {"retention.ms": 1000}}'),
    names.example("create_topic", '{"config": {"retention.ms": 604800000}}'),
    language=names.TOOL,
)

_KEEPS_OUT = word_set("block deny reject remove delete revoke ban drop list get")
_THINS = word_set("prune forget expire rotate thin cleanup clean delete purge")
_BROAD_FLAGS = word_set(
    "force recursive all everything cascade delete prune skip_checks no_confirm noconfirm yes overwrite purge "
    "no_verify bypass hard_delete delete_all all_namespaces apply_to_all force_push permanent permanently "
    "hard ignore_errors skip_confirmation "
    "skip_trash bypass_trash force_delete skip_final_snapshot skip_backup purge_everything delete_everything purge_all "
    "flush_all select_all update_all"
)
_SKIPS = word_set("skip bypass ignore no without disable override")
_SAFEGUARDS = word_set(
    "check checks test tests validation verification verify review reviews approval approvals confirm confirmation "
    "safety guardrails lock backup snapshot hooks ci policy protection preflight freeze gate gates trash warnings"
)
_EVERYTHING = re.compile(
    r"\s*(?:\*|\*\*(?:/\*)?|/|/\*|~/?|\.\*|%|[A-Za-z]:\\|all|\*\.\*|0\.0\.0\.0/0|::/0|\*:\*|1\s*=\s*1|true|everything|any)\s*",
    re.IGNORECASE,
)
_EVERYTHING_KEYS = word_set(
    "path paths file files pattern filter target targets scope glob where ids id name names cidr query selector match "
    "criteria condition users accounts resources items prefix index indices collection collections table tables topic "
    "queue bucket key keys members"
)
_ORDINARY_STARS = word_set(
    "fields field select columns column include expand accept cron schedule version text content message body format "
    "query pattern events event origin properties attributes expression hour minute day month"
)
"""Arguments in which `*` says which parts are meant, or when, rather than what is affected."""
_LOST_PLACES = (Place.EVERYTHING, Place.HOME, Place.HOMES, Place.SYSTEM, Place.DEVICE)
_ANYTHING = word_set("where query criteria condition match")
"""Keys under which `true` and `any` mean everything; elsewhere they are ordinary values."""
_CONDITIONS = word_set("where filter condition criteria")
_MANY_THINGS = word_set("rows records documents many table items entries users accounts")
_SELECTS = word_set("filter filters where query selector match criteria condition prefix pattern")
_PAYS = word_set(
    "refund issuerefund refundpayment refundcustomer chargenow chargecard capture autocharge autopay paynow "
    "autopurchase"
    " releasefunds prorate"
)
_REVEALS = word_set("reveal revealsecrets showvalues showsecrets unmask unmasked decrypt withdecryption plaintext")
_ACCOUNTS = word_set(
    "iban bankaccount bankaccountnumber accountnumber routingnumber sortcode bic swift payoutaccount payoutmethod "
    "defaultpaymentmethod paymentmethod directdeposit depositaccount beneficiary beneficiaryaccount walletaddress "
    "paypalemail basesalary salary"
)
_PRODUCTION_KEYS = word_set(
    "environment env stage target cluster namespace workspace context deployment tier realm track endpoint slot ring"
)
_SYSTEM_NAMESPACES = re.compile(r"kube-system|kube-public|istio-system|cert-manager", re.IGNORECASE)
_COUNTS = word_set(
    "replicas desiredcount minsize maxsize capacity desiredcapacity instances instancecount count size min minreplicas "
    "maxreplicas nodes workers desired scale"
)
_RECIPIENTS = word_set(
    "customers users subscribers members employees contacts to cc bcc recipient recipients audience segment list "
    "lists channel channels group groups topic mailinglist"
)
_ALL_PEOPLE = re.compile(
    r"(?:[@#]|<!)?(?:all|everyone|channel|here|company|staff|general|announcements?|customers|users|subscribers|employees)"
    r"(?:[-_.](?:\w+[-_.])?(?:all|staff|hands|users|customers|company|team|employees|list|subscribers|members))*>?"
    r"(?:@[\w.-]+)?|all[-_]\w+(?:@[\w.-]+)?|everybody(?:@[\w.-]+)?",
    re.IGNORECASE,
)
_MOST_RECIPIENTS = 20
_FORWARDS = frozenset((
    "forwardto", "forwardingaddress", "forwardingemail", "autoforward", "redirectto", "forwardall", "autoforwardto",
))  # fmt: skip
_DRY = frozenset(("dryrun", "preview", "simulate", "validateonly", "planonly", "whatif", "checkmode", "noop"))


def is_dry(call: ToolCall) -> bool:
    """Return True if an argument says that the call only shows what it would do."""
    return any(
        setting.plain in _DRY and (setting.value is True or setting.text.lower() in ("true", "all", "server", "client"))
        for setting in call.settings
    )


def destroying_flag(call: ToolCall) -> str:
    """Return the name of an argument of a tool that only reads by its name, if it says that something is deleted."""
    found = (setting.path for setting in call.settings[:100] if setting.value is True and _deletes(setting.key))
    return next(found, "")


def _deletes(key: str) -> bool:
    words = words_in(key)
    return bool(words) and words[0] in ("delete", "purge", "wipe", "destroy", "remove") and "deleted" not in words


_LONGEST_RULES = 20_000


def read_arguments(call: ToolCall, reading: Reading) -> None:
    """Note what the arguments of a call that acts say about what it affects."""
    manner = Manner(call)
    for setting in call.settings:
        for rule, words in _findings(manner, setting):
            with reading.at_item(setting.path):
                reading.add(rule, words)
    lifecycle = {"lifecycle", "expiration"} & {*call.words}
    if lifecycle and expires_everything(call_text(call.tool, call.args)[:_LONGEST_RULES].lower()):
        reading.add(ALL_GONE, "These rules delete everything within days.")
    if manner.sends and isinstance(call.args, Mapping):
        _read_lists(call.args, reading)
    for mapping in _mappings(call.args):
        _read_mapping(mapping, reading)


def _mappings(args: Any) -> Iterator[dict[str, Any]]:
    """Yield all objects among arguments, also in JSON that is a text, with keys in lower case without separators."""
    pending = [args]
    count = 0
    while pending and count < MOST_ARGUMENTS:
        value = pending.pop()
        count += 1
        if isinstance(value, str):
            value = json_in(value)
        if isinstance(value, Mapping):
            pending += value.values()
            yield {"".join(words_in(str(key))): inner for key, inner in value.items()}
        elif isinstance(value, (list, tuple)):
            pending += value


def _read_mapping(fields: Mapping[str, Any], reading: Reading) -> None:
    """Note a statement of a policy that allows everything, and a named setting that switches a protection off."""
    read_statement(fields, reading)
    name = next((fields[key] for key in ("key", "name", "setting", "option", "parameter") if fields.get(key)), "")
    if isinstance(name, str) and len(name) <= 100 and "value" in fields:
        value = fields["value"]
        falsy = value in (False, 0) or (isinstance(value, str) and bool(NONE.fullmatch(value.strip())))
        if falsy and names.protects(words_in(name)):
            reading.add(OFF, f"Setting {name} to {value!r} switches a protection off.")
    elif (
        isinstance(name, str) and len(name) <= 100 and fields.get("enabled") is False and names.protects(words_in(name))
    ):
        reading.add(OFF, f"Switching {name} off takes a protection away.")


def _findings(manner: Manner, setting: Setting) -> Iterator[tuple[RiskRule, str]]:
    yield from _reach(manner, setting)
    yield from powers(setting)
    if manner.changes and setting.plain in _ACCOUNTS and setting.value:
        yield names.PAYS, f"The argument {setting.path} says to which account money goes from now on."
    if setting.value is True and setting.plain in _REVEALS:
        yield READS_SECRET, f"The argument {setting.path} is true: secrets are shown as they are."
    if setting.value is True and setting.plain in _PAYS:
        yield names.PAYS, f"The argument {setting.path} is true: it moves money."
    yield from switches(manner, setting)
    yield from _recipients(manner, setting)


def _reach(manner: Manner, setting: Setting) -> Iterator[tuple[RiskRule, str]]:
    """What is affected: everything, production, or nothing that is left running."""
    path, text = setting.path, setting.text
    gone = manner.deletes
    if is_everything(setting):
        words = f"The argument {path} is {text!r}: the call may affect everything."
        yield (ALL_GONE if gone else BROAD), words
    nothing = setting.value in ({}, []) or (
        setting.value == "" and setting.plain in ("prefix", "filter", "pattern", "where")
    )
    if gone and text.startswith(("/", "~")) and place_of(text) in _LOST_PLACES:
        yield ALL_GONE, f"The argument {path} is {text!r}: all that is in there is deleted."
    if gone and nothing and setting.words & _SELECTS:
        yield ALL_GONE, f"The argument {path} is empty: everything is deleted."
    elif nothing and setting.plain in _CONDITIONS and manner.changes and manner.words & _MANY_THINGS:
        yield ALL_GONE, f"The argument {path} is empty: everything is changed."
    elif gone and text.lower() == "all" and not setting.words & _ORDINARY_STARS:
        yield ALL_GONE, f"The argument {path} is {text!r}: everything is deleted."
    elif text == "*" and not setting.words & _ORDINARY_STARS:
        yield (ALL_GONE if gone else BROAD), f"The argument {path} is '*': the call may affect everything."
    if text in ("0.0.0.0/0", "::/0") and not manner.words & _KEEPS_OUT:
        yield OPEN, f"The argument {path} is {text}: everybody on the internet."
    if setting.plain.startswith("keep") and setting.value in (0, 1, "0", "1") and manner.said & _THINS:
        yield ALL_GONE, f"The argument {path} is {setting.value!r}: no older copy is kept."
    if manner.words & REPLACES and {"retention", "lifecycle"} & {*setting.all_words, *manner.words}:
        none = setting.value in (0, "0") and setting.value is not False
        yield (
            (ALL_GONE if none else KEPT),
            f"The argument {path} changes how long something is kept, or says not at all.",
        )
    if gone and (_ALL_ROWS.fullmatch(text) or _ALL_SERIES.fullmatch(text)):
        yield ALL_GONE, f"The argument {path} selects all there is: everything is deleted."
    if gone and _leaves_no_copy(setting):
        yield ALL_GONE, f"The argument {path} means that no copy of what is deleted remains."
    if setting.value is True and _is_broad(setting):
        words = f"The argument {path} is true: it makes the call affect more, or skip a safeguard."
        whole = gone and setting.plain in ("all", "everything", "deleteall", "allnamespaces")
        yield (ALL_GONE if whole else BROAD), words
    if text and setting.words & _PRODUCTION_KEYS and len(text) <= 100 and set(words_in(text)) & names.PRODUCTION:
        yield PRODUCTION, f"The argument {path} is {text!r}: this acts on production."
    if setting.words & {"namespace"} and _SYSTEM_NAMESPACES.fullmatch(text):
        yield PRODUCTION, f"The argument {path} is {text!r}: this acts on what the cluster itself needs."
    if (
        setting.plain in _COUNTS
        and setting.value in (0, "0")
        and setting.value is not False
        and _scales(manner, setting)
    ):
        yield STOPPED, f"The argument {path} is 0: nothing of it keeps running."


_ALL_ROWS = re.compile(r"select\s[^;]{1,300}?\sfrom\s+[\w.\"`]+\s*;?", re.IGNORECASE)
_ALL_SERIES = re.compile(r"\.\+|\{\s*\w+\s*=~\s*\"\.[+*]\"\s*\}")
"""A pattern that all names match, and a selector of all series of metrics or logs."""
_COPIES = word_set(
    "backup backups snapshot snapshots immutability immutable versions recovery replicas replica softdeleted "
    "softdelete archives restorepoints"
)
_LOSES = word_set("purge delete remove destroy skip drop no without disable bypass include wipe expire")
_PAIRS = (("soft", "deleted"), ("soft", "delete"), ("without", "recovery"), ("recovery", "points"), ("point", "time"))


def _leaves_no_copy(setting: Setting) -> bool:
    """Return True if an argument of a call that deletes says that backups and the like are deleted, or none is made."""
    words = words_in(setting.key)
    copies = bool(set(words) & _COPIES or any(set(pair) <= set(words) for pair in _PAIRS))
    if not copies:
        return False
    lost = bool(set(words) & _LOSES)
    return (lost and setting.value is True) or (not lost and "retention" in words and setting.value in (0, "0", False))


def _is_broad(setting: Setting) -> bool:
    words = words_in(setting.key)
    skips = bool(words) and words[0] in _SKIPS and bool(set(words[1:]) & _SAFEGUARDS)
    skips = skips or bool(set(words) & {"override", "bypass"} and len(words) > 1)
    return "_".join(words) in _BROAD_FLAGS or skips


def is_everything(setting: Setting) -> bool:
    """Return True if a value selects everything."""
    text = setting.text
    if setting.plain == "matchall" and setting.value in ({}, True):
        return True
    if not text or not setting.words & _EVERYTHING_KEYS or not _EVERYTHING.fullmatch(text):
        return False
    return text.lower() not in ("true", "any") or bool(setting.words & _ANYTHING)


def _scales(manner: Manner, setting: Setting) -> bool:
    return setting.plain not in ("count", "size", "min", "capacity", "scale") or bool(
        manner.words & {"scale", "resize", "scaling", "autoscaling", "autoscale", "capacity"}
    )


def _recipients(manner: Manner, setting: Setting) -> Iterator[tuple[RiskRule, str]]:
    """Who receives what the call sends."""
    if manner.sends and setting.text and setting.words & _RECIPIENTS and _ALL_PEOPLE.fullmatch(setting.text):
        yield MANY, f"The argument {setting.path} is {setting.text[:80]!r}: many people receive it."
    address = setting.plain == "forward" and "@" in setting.text and "forward" not in manner.words
    if (setting.plain in _FORWARDS or address) and setting.value not in (False, None, "", []):
        yield FORWARDS, f"The argument {setting.path} forwards what arrives from now on."


def _read_lists(args: Mapping[str, Any], reading: Reading) -> None:
    """Note lists of recipients that are long."""
    for key, value in list(args.items())[:MOST_ARGUMENTS]:
        if isinstance(value, list) and len(value) > _MOST_RECIPIENTS and set(words_in(str(key))) & _RECIPIENTS:
            with reading.at_item(str(key)[:60]):
                reading.add(MANY, f"The argument {str(key)[:60]} names {len(value)} recipients.")
