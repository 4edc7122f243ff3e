"""What the names of methods say, where nothing else is known of what they belong to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.risk.effects import READS_SECRET
from app.risk.effects import UNKNOWN as UNKNOWN_CALL
from app.risk.python import clients, databases, files, libraries, networks, processes, tables
from app.risk.python.values import Value
from app.risk.rules import declare, word_set
from assent.contracts import RiskLevel

if TYPE_CHECKING:
    from app.risk.python.calls import Call

DELETES_OBJECT = declare(
    "python.deletes", RiskLevel.HIGH, "Calls a method whose name says that it deletes or stops something.",
    "client.delete_user(5)", "client.get_user(5)", language="python",
)  # fmt: skip
CHANGES_OBJECT = declare(
    "python.changes", RiskLevel.MEDIUM, "Calls a method whose name says that it changes something outside the process.",
    "client.create_user('a')", "client.get_user(5)", language="python",
)  # fmt: skip
_PAYS = word_set("create capture refund confirm pay transfer send execute process submit")
_MONEY = word_set(
    "refund refunds charge charges payment payments paymentintent payment_intents transfer transfers payout "
    "payouts invoice invoices order_payment withdrawal withdrawals"
)
_DESTROYS = word_set(
    "delete drop destroy purge truncate wipe erase terminate uninstall shutdown kill prune flush flushall flushdb "
    "evict deprovision decommission revoke reset rollback unlink rmtree rmdir disable deregister detach format "
    "deactivate suspend unregister ban offboard"
)
_MANNERS = word_set("permanent permanently hard soft force bulk batch async begin try do safe safely admin mass")
"""What says how something is done, rather than what."""
_ENCRYPTS = word_set("encrypt encrypt_and_digest encryptor seal")
_FINAL = word_set("destroy purge truncate wipe erase terminate uninstall shutdown deprovision decommission revoke")
_LAST = word_set("delete drop destroy purge truncate wipe erase terminate unlink")
"""Verbs that may follow what they are done to: ``queue_purge``."""
_WHEN = word_set("on before after pre handle handler mark to allow confirm should not no drag ask schedule pending")
"""What stands before a verb in names that do not do it yet."""
_CHANGES = word_set(
    "create update insert write put patch post upload send publish push set modify move rename copy add save "
    "store commit enable start stop restart run invoke execute apply deploy install scale cancel close approve "
    "merge register subscribe grant attach authorize assign promote import export sync upgrade migrate archive "
    "restore trigger submit notify reply share invite"
)
READS = word_set(
    "get list read search find fetch lookup describe show count view check query select retrieve load is has can "
    "exists head status validate verify parse format build make to from as compute calculate compare match scan "
    "iter next peek dump"
)


def _loses(made: Call, words: list[str]) -> bool:
    """Return True if this is done to everything that was listed, and what is lost is not easily made again."""
    people = words[0] in _SHUTS_OUT and set(words) & _PEOPLE
    if (words[0] not in _LOSES and not people) or made.filtered or set(words) & _SMALL:
        return False
    given = (*made.arguments, *made.keywords.values())
    if made.many:
        return any("listed" in value.marks for value in (made.base, *given))
    return any("listed" in value.marks for value in given)


_SHUTS_OUT = word_set("deactivate suspend disable deprovision offboard ban block lock")
_PEOPLE = word_set("user users account accounts member members employee employees person people login identity")
_SMALL = word_set("comment comments label labels tag tags reaction reactions pin pins star stars alarm alarms")
"""Things that are soon made again."""


def by_meaning(made: Call, words: list[str]) -> bool:
    """Note what a name says about money, secrets, rights, and messages, or a command that is handed over."""
    about = set(words)
    line, shown = made.line, made.method
    cookies = words[:1] in (["get"], ["list"], ["export"], ["dump"]) and words[-1:] == ["cookies"]
    if cookies or (words and words[0] in READS | {"export", "decrypt", "reveal", "dump"} and about & _SECRETS):
        made.reading.add(READS_SECRET, f"The name {shown} says that this reads secrets.", line)
    elif words and words[0] in _MOVES_MONEY and (words[0] != "transfer" or about & _MONEY or len(words) == 1):
        made.reading.add(networks.PAYS, f"The name {shown} says that this moves money.", line)
    elif words and words[0] in _GRANTS and about & _RIGHTS:
        made.reading.add(databases.ACCOUNTS, f"The name {shown} says that this changes who may do what.", line)
    elif words and words[0] in ("send", "notify", "broadcast", "mail", "email") and about & _MESSAGES:
        level = RiskLevel.HIGH if made.many or words[0] == "broadcast" or "all" in about else RiskLevel.MEDIUM
        made.reading.add(libraries.MESSAGE, "This sends a message, which cannot be recalled.", line, level)
    elif made.method in _RUNS_TEXT and made.arguments and _COMMAND.match(made.arguments[0].text or ""):
        processes.read_shell(made, made.arguments[0])
    else:
        return False
    made.reading.doubt()
    return True


_SECRETS = word_set("secret secrets password passwords credentials passphrase")
_MOVES_MONEY = word_set("refund payout charge pay transfer withdraw wire disburse reimburse remit")
_GRANTS = word_set("grant add assign make promote set give attach elevate create")
_RIGHTS = word_set(
    "admin admins administrator superuser root owner role roles permission permissions policy sudo collaborator "
    "privilege privileges rights sudoer staff"
)
_MESSAGES = word_set("mail mails email emails sms message messages newsletter notification notifications all everyone")
_RUNS_TEXT = word_set(
    "run sudo local cmd sh shell system run_command execute_command run_shell check_output popen call"
)
_COMMAND = re.compile(r"(?:sudo\s+)?[\w./~-]+(?:\s+\S|$)")
_WHOLE = word_set(
    "all everything database databases db bucket buckets schema cluster namespace backup backups snapshot snapshots "
    "volume volumes tenant vault instances collection collections index indices table tables dataset keyspace graph "
    "realm topic topics stream streams zone recovery filesystem warehouse vhost vhosts workspace organization org "
    "datastore datacenter pool zpool catalog mailbox mailboxes partition partitions disk disks site "
    "firmware flash everybody"
)
_LOSES = word_set("delete drop destroy purge truncate wipe erase terminate remove unlink rmtree clear nuke reset")


def _named(method: str) -> list[str]:
    """Return the words of a method's name, with the verb first: ``files_delete_v2``, ``queue_purge``."""
    words = [word for word in clients.words_of(method) if word != "v" and not word.isdigit()]
    if len(words) > 1 and words[0] in _MANNERS:
        words = words[1:]
    if len(words) > 1 and words[-1] in _ENDINGS:
        words = words[:-1]
    if len(words) > 1 and words[0] not in _DESTROYS | _CHANGES | READS | _WHEN:
        place = next((number for number, word in enumerate(words) if word in _VERBS_WITHIN), 0)
        words = [words[place], *words[:place], *words[place + 1 :]]
    return words


_ENDINGS = word_set("task async sync now force forcibly forever permanently bulk batch safe ex")
_VERBS_WITHIN = _LAST | word_set("remove deactivate revoke")


def by_name(made: Call) -> Value:
    """Judge a method of an unknown object by its name."""
    base, method = made.base, made.method
    words = _named(method)
    value = Value(marks=base.marks | made.marks, kind=base.kind)
    if method in _ENCRYPTS:
        return value.marked("encrypted")
    if method in tables.SAVES and made.arguments and made.arguments[0].text is not None:
        files.save(made, made.arguments[0])
        return value
    if method in tables.HARMLESS_METHODS or method in tables.STREAM_WRITES:
        return read_from(made, words, value)
    if base.kind and base.kind.split(".")[0] in libraries.COMPUTING:
        return value
    if by_meaning(made, words):
        return value
    first = words[0] if words else ""
    if first in _PAYS and _MONEY & {name.lower() for name in made.chain}:
        made.reading.add(networks.PAYS, f"This calls {'.'.join(made.chain[-2:])}, which moves money.", made.line)
    elif first in _DESTROYS or (first in ("remove", "clear") and _loses(made, words)):
        _destroys(made, words)
    elif first in _CHANGES:
        made.reading.add(CHANGES_OBJECT, f"The name {method} says that this changes something.", made.line)
    elif first in READS:
        made.reading.doubt()
        return read_from(made, words, value)
    else:
        made.reading.add(UNKNOWN_CALL, f"What {method} does here is not known.", made.line)
        made.reading.doubt()
        return read_from(made, words, value)
    made.reading.doubt()
    return value


def read_from(made: Call, words: list[str], value: Value) -> Value:
    """Return what a call returns, marked if it may be everything of a kind that a service has."""
    if not value.kind or value.kind.startswith("own.") or any(clients.is_filter(name) for name in made.keywords):
        return value
    asks = set(words) & _CHOOSE
    texts = [one.text for one in made.arguments if one.text and one.text not in _EVERYTHING]
    patterns = [one for one in texts if re.search(r"[^*]\*|\*[^*]", one)]
    given = [one for one in made.arguments if not one.empty and not _asks_for_all(one)]
    if (asks and given) or patterns:
        return value
    lists = words[:1] in (["list"], ["iter"], ["all"], ["each"], ["scan"]) or words[-1:] == ["all"]
    plural = len(words) > 0 and words[-1].endswith("s") and words[-1] not in ("status", "details", "address", "access")
    return value.marked("listed") if (lists or plural) and not made.keywords.keys() & _PARTS else value.marked("whole")


def _asks_for_all(value: Value) -> bool:
    """Return True if an argument such as a query leaves nothing out."""
    text = value.text
    whole = text is not None and re.match(r"\s*select\b(?!.*\b(?:where|limit|top|join)\b)", text, re.IGNORECASE)
    return text in _EVERYTHING or bool(whole)


_CHOOSE = word_set("search query find filter select where match lookup by")
"""Words of methods whose arguments choose some of what there is."""
_EVERYTHING = ("", "*", "ALL", "all", "me", "%", "/", ".*", "1:*", "**/*", "**", "*/*", "**/*.*", "*.*")
_PARTS = word_set("limit n count max top first last size per_page max_results")
"""Arguments that say how many are returned."""


def _destroys(made: Call, words: list[str]) -> None:
    """Note that something is deleted or stopped, whose words say how much it is."""
    method, first = made.method, words[0]
    everything = _loses(made, words)
    if len(words) > 1:
        whole = (_WHOLE & set(words[1:]) and first in _LOSES) or everything
        text = f"The name {method} says that this deletes or stops something."
        made.reading.add(DELETES_OBJECT, text, made.line, RiskLevel.CRITICAL if whole else RiskLevel.HIGH)
        return
    given = not made.arguments or made.arguments[0].text is not None or made.arguments[0].number is not None
    of_service = first == "delete" and "." in made.base.kind and given
    level = RiskLevel.HIGH if first in _FINAL or made.evaluator.loops or of_service else RiskLevel.MEDIUM
    about = {word for name in made.chain[-3:-1] for word in clients.words_of(name)}
    within = {word for word in clients.words_of(made.base.kind) if made.base.kind}
    empties = first in _EMPTIES and not made.arguments and (about | within) & _HOLDERS
    tasks = first == "purge" and "control" in made.chain
    if everything or tasks or empties or re.search(r"\b(?:delete_)?all\s*=\s*True", made.shown):
        level = RiskLevel.CRITICAL
    made.reading.add(DELETES_OBJECT, f"This calls {method}, which deletes or stops something.", made.line, level)


_EMPTIES = word_set("truncate wipe purge erase nuke drop")
_HOLDERS = _WHOLE | word_set(
    "inbox mailbox mailboxes queue queues store db sql table engine collection keyspace vhost broker archive "
    "share disk "
    "device drive"
)
"""What holds very many things, which are lost together."""
