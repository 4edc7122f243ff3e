"""What several words of a tool's name, or a word and an argument, say together."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.domain.risk import Finding
from app.risk.rules import declare, word_set
from app.risk.tools import names
from app.risk.tools.call import ToolCall, words_in
from assent.contracts import RiskLevel

READS_SECRET = declare(
    "tool.reads_secret", RiskLevel.HIGH, "The tool's name says that it reads secrets.",
    names.example("get_secret"), names.example("get_weather"), language=names.TOOL, unread=True,
)  # fmt: skip
NEW_KEY = declare(
    "tool.new_key", RiskLevel.HIGH, "The tool's name says that it makes a key, a token, or another way in.",
    names.example("create_api_key"), names.example("list_api_keys"), language=names.TOOL, unread=True,
)  # fmt: skip
PROTECTION_OFF = declare(
    "tool.protection_off", RiskLevel.HIGH, "The tool's name says that it switches a protection off.",
    names.example("disable_firewall"), names.example("enable_firewall"), language=names.TOOL, unread=True,
)  # fmt: skip
MACHINE_STOPS = declare(
    "tool.stops_service", RiskLevel.HIGH, "The tool's name says that it stops or restarts a machine or service.",
    names.example("restart_server"), names.example("get_server"), language=names.TOOL, unread=True,
)  # fmt: skip
PUBLIC = declare(
    "tool.makes_public", RiskLevel.HIGH, "The tool's name says that it makes something public.",
    names.example("make_public"), names.example("get_public_holidays"), language=names.TOOL, unread=True,
)  # fmt: skip
RUNS_UNREAD = declare(
    "tool.runs_unread", RiskLevel.HIGH, "The tool runs a script or a notebook that has not been read.",
    names.example("run_script", '{"path": "./deploy.sh"}'), names.example("read_script", '{"path": "./deploy.sh"}'),
    language=names.TOOL, unread=True,
)  # fmt: skip
FORCED = declare(
    "tool.forces", RiskLevel.HIGH, "The tool's name says that it skips a safeguard.",
    names.example("force_push"), names.example("get_task_force"), language=names.TOOL, unread=True,
)  # fmt: skip
DNS = declare(
    "tool.changes_dns", RiskLevel.HIGH, "The tool's name says that it changes where names on the internet lead.",
    names.example("update_dns_record"), names.example("list_dns_records"), language=names.TOOL, unread=True,
)  # fmt: skip
SUBSCRIBES = declare(
    "tool.forwards", RiskLevel.HIGH, "The tool's name says that events or messages will also be sent elsewhere.",
    names.example("create_webhook"), names.example("list_webhooks"), language=names.TOOL, unread=True,
)  # fmt: skip
SCHEDULES = declare(
    "tool.schedules", RiskLevel.HIGH, "A command will run by the clock.",
    names.example("create_cron_job", '{"schedule": "0 * * * *", "command": "ls"}'),
    names.example("schedule_meeting", '{"at": "10:00"}'), language=names.TOOL, unread=True,
)  # fmt: skip
ALL_DATA = declare(
    "tool.all_data", RiskLevel.HIGH, "The tool's name says that it takes many people's data out.",
    names.example("export_customers"), names.example("get_customer"), language=names.TOOL, unread=True,
)  # fmt: skip

CLICKS = declare(
    "tool.presses", RiskLevel.HIGH, "Presses a button that deletes, pays, publishes, or grants something.",
    names.example("browser_click", '{"element": "Delete account"}'),
    names.example("browser_click", '{"element": "Show more"}'), language=names.TOOL, unread=True,
)  # fmt: skip

_SETS = word_set("change set update reset force rotate")
_PERSON = word_set("customer user employee patient member contact account subscriber")
_MASKS = word_set("mask redact anonymize detect scan classify find delete remove erase scrub check count")
_MAKES = word_set("create add generate issue new register upload set rotate import insert mint provision")
_SECRETS = word_set(
    "secret secrets password passwords credential credentials apikey passphrase cookie cookies keychain env dotenv "
    "keystore environ kubeconfig"
)
_SHOWS = word_set("get show reveal fetch read retrieve decrypt view export print copy dump")
_KINDS_OF_KEYS = word_set("api access private secret ssh signing encryption master auth bearer refresh session account")
_WAYS_IN = word_set("key keys token tokens credential credentials secret secrets password passwords pat certificate")
_OFF = word_set("disable stop pause suspend bypass skip ignore mute turn unprotect deactivate silence")
_STOPS = word_set(
    "stop restart reboot shutdown halt drain failover power poweroff disable suspend hibernate deallocate"
)
_COMES_BACK = word_set("service services deployment deployments pod pods container containers replica replicas")
"""What is merely restarted is back soon; a machine or a database takes others with it."""
_MACHINES = word_set(
    "server servers service services instance instances cluster vm vms host hosts database db node nodes machine "
    "machines router switch gateway modem appliance computer pc laptop deployment deployments pod pods "
    "container containers replica replicas"
)
_JOBS = word_set("job jobs dag function functionname lambda workflow pipeline task playbook runbook procedure")
_RUNS = word_set("run execute exec start launch invoke")
_SCRIPT = re.compile(r"[\w./~-]+\.(?:sh|bash|py|ps1|rb|pl|js|ts|ipynb|bat|cmd|yml|yaml)", re.IGNORECASE)
_DNS_TYPES = word_set("A AAAA MX CNAME TXT NS SRV CAA SOA PTR ALIAS DS")
_DNS_HOSTS = word_set("route cloudflare godaddy namecheap gandi porkbun domain domains zone registrar")
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
    looks = bool(words & _LOOKING)
    reads = looks and (names.only_looks(call) or not words & _MAKES)
    key = words & _SHOWS and words & {"key", "keys", "token"} and words & _KINDS_OF_KEYS and not words & _MAKES
    named = bool(words & {"environment", "env"} and words & {"variable", "variables", "vars"})
    variables = looks and (named or words == {"read", "environment"})
    everything = set(call.all_words)
    kept = bool(everything & _STORES or {"1", "password"} <= everything) and not _only_names(call)
    settings = bool(everything & _HOSTERS and words & {"config", "secrets"})
    strings = {"connection", "string"} <= words or {"role", "key"} <= words or {"local", "storage"} <= words
    stores = looks and (kept or settings or strings or _asks_for_secret(call))
    dumps = words & {"env", "environ", "dotenv"} and words & {"dump", "print", "export", "all"}
    if (words & _SECRETS and reads and not _only_names(call)) or dumps or stores or key or (variables and reads):
        yield READS_SECRET.finding("The tool's name says that it reads secrets. The agent receives them.")
    if words & _WAYS_IN and words & _MAKES and not reads and not runs:
        yield NEW_KEY.finding("The tool's name says that it makes a key, a token, or another way in.")
    if words & _SETS and words & {"password", "passwords", "passphrase", "pin", "passcode"} and not reads and not runs:
        yield NEW_KEY.finding("The tool's name says that it sets a password.")
    if words & (_OFF | {"delete", "remove", "stop", "unschedule"}) and (guard := _guarding_job(call)):
        yield PROTECTION_OFF.finding(f"It stops {guard!r}, whose name says that it protects.")
    if (words & _OFF and names.protects(words)) or words & {"unprotect", "unquarantine", "whitelist", "allowlist"}:
        yield PROTECTION_OFF.finding("The tool's name says that it switches a protection off.")
    restarted = "restart" in words and words & _COMES_BACK
    if words & _STOPS and words & _MACHINES and not reads and not runs and not restarted:
        yield MACHINE_STOPS.finding("The tool's name says that it stops or restarts a machine or service.")
    if words & {"public", "publicly"} and words & _OPENS:
        yield PUBLIC.finding("The tool's name says that it makes something public.")
    if names.only_looks(call):
        return
    if {"quarantine", "release"} <= words:
        yield PROTECTION_OFF.finding(
            "The tool's name says that it lets something out that was kept apart as dangerous."
        )
    if words & {"production", "prod"} and words & _RELEASES:
        yield MACHINE_STOPS.finding("The tool's name says that it changes what runs in production.")
    if "force" in words and words & names.ACTING:
        yield FORCED.finding("“force” in the tool's name says that it skips a safeguard.")
    if words & _RUNS | words & {"trigger"} and (job := _destructive_job(call)):
        yield RUNS_UNREAD.finding(f"It starts {job!r}, whose name says that it deletes or stops something.")
    if _runs_script(call) and not runs:
        yield RUNS_UNREAD.finding("This runs a script or a notebook that has not been read.")
    if _changes_dns(call, words):
        yield DNS.finding("The tool's name says that it changes where names on the internet lead.")
    forwards = words & {"webhook", "webhooks", "forwarding", "autoforward"}
    if forwards and words & _MAKES and not words & {"send", "test"}:
        yield SUBSCRIBES.finding("The tool's name says that events or messages will also be sent elsewhere.")
    personal = words & {"pii", "phi", "gdpr"} or (
        words & _TAKES_OUT and words & _PERSON and words & {"data", "records"}
    )
    if (words & _TAKES_OUT and words & _PEOPLE and not runs) or (personal and not words & _MASKS):
        yield ALL_DATA.finding("The tool's name says that it takes the data of many people out.")
    if words & {"click", "tap", "press"} and (hit := _fatal_button(call)):
        yield CLICKS.finding(f"It presses {hit!r}.")
    if words & {"place", "submit", "execute"} and words & {"order", "orders", "trade", "bid"}:
        yield names.PAYS.finding("The tool's name says that it orders or trades something.")
    if words & _CLOCK and runs and not words & {"get", "list", "show"}:
        yield SCHEDULES.finding("The command in this call will run by the clock.")


_OPENS = word_set("make set share publish expose open create generate enable")
_RELEASES = word_set("deploy release promote push publish ship rollout migrate rollback apply go")
_LOOKING = word_set("get read list show fetch view retrieve find search describe access pull reveal export dump")
_STORES = word_set(
    "vault keyvault secretsmanager keystore onepassword bitwarden bw lastpass keepass keepassxc dashlane passbolt "
    "vaultwarden infisical credstash keyring keychain doppler passwordstore op"
)
"""Places that keep what one signs in with."""
_HOSTERS = word_set("heroku doppler flyio railway render dokku")
"""Where the settings of an application hold its secrets."""


def _only_names(call: ToolCall) -> bool:
    """Return True if a call lists what a store of secrets has, without what is in it."""
    return bool(set(call.words) & {"list", "ls"}) and not set(call.words) & {"value", "values", "env", "get", "all"}


def _asks_for_secret(call: ToolCall) -> bool:
    """Return True if a call that reads asks for a secret by its arguments."""
    for setting in call.settings[:100]:
        if setting.value is True and setting.plain in ("reveal", "showvalues", "withdecryption", "decrypt", "unmask"):
            return True
        kind = setting.plain in ("kind", "resource", "resourcetype", "type", "fields", "field")
        if kind and setting.text.lower().rstrip("s") in ("secret", "password", "credential", "private_key"):
            return True
    return False


def reading_findings(call: ToolCall) -> Iterator[Finding]:
    """Return what the name of a tool that only reads says about what it reads."""
    about = (READS_SECRET.id, ALL_DATA.id)
    yield from (found for found in combined_findings(call, runs=False) if found.rule in about)


def _changes_dns(call: ToolCall, words: set[str]) -> bool:
    if not words & names.ACTING:
        return False
    record = words & {"record", "records", "recordset", "recordsets"}
    kind = call.text("type", "recordtype", "rrtype").upper() in _DNS_TYPES
    return bool(words & {"dns", "nameserver", "nameservers"} or (record and (kind or _DNS_HOSTS & set(call.all_words))))


_FATAL = re.compile(
    r"\b(?:delete|remove (?:account|all|everything|user)|erase|destroy|wipe|factory reset|deactivate|close "
    r"account|terminate"
    r"|pay(?: now)?|buy|place order|checkout|purchase|transfer|send money|confirm (?:order|payment|deletion|transfer)"
    r"|unsubscribe all|revoke|make public|publish|grant|approve|sign)\b",
    re.IGNORECASE,
)


def _fatal_button(call: ToolCall) -> str:
    """Return the text of a button that deletes, pays, publishes, or grants; empty if no such button is pressed."""
    for argument in call.texts:
        if argument.words & {"text", "label", "name", "element", "selector", "button", "description"}:
            plain = re.sub(r"[#._:\[\]='\"-]+", " ", argument.text[:200])
            if _FATAL.search(plain) and not re.search(
                r"\b(?:cancel|close|dismiss|don.t|undo|draft"
                r"|preview)\b",
                plain.lower(),
            ):
                return argument.text[:60]
    return ""


_GUARDS = word_set(
    "backup backups audit auditing antivirus edr snapshot snapshots monitoring monitor alerting wal archiving"
)


def _guarding_job(call: ToolCall) -> str:
    """Return the name of a job, rule, or service among the arguments that says that it protects; empty if none does."""
    for argument in call.texts:
        named = argument.words & {
            "name",
            "job",
            "task",
            "schedule",
            "service",
            "rule",
            "timer",
            "unit",
            "trigger",
            "id",
        }
        if named and len(argument.text) <= 100 and set(words_in(argument.text)) & _GUARDS:
            return argument.text
    return ""


def _destructive_job(call: ToolCall) -> str:
    """Return the name of a job or function that is started, if the name says that it destroys something."""
    for argument in call.texts:
        if argument.words & _JOBS and len(argument.text) <= 200 and set(words_in(argument.text)) & names.DESTROYS:
            return argument.text
    return ""


def _runs_script(call: ToolCall) -> bool:
    if not set(call.words) & _RUNS:
        return False
    scripts = (argument for argument in call.texts if _SCRIPT.fullmatch(argument.text.strip()))
    return bool(set(call.words) & {"script", "notebook", "playbook", "runbook"}) or next(scripts, None) is not None
