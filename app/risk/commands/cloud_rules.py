"""What it means to change something in a cloud: a verb, and what it is done to, give the level."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.risk.reading import Reading
from app.risk.rules import RiskRule, declare
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

CREATES = declare(
    "cloud.creates",
    MEDIUM,
    "Creates something in a cloud account.",
    "aws sqs create-queue --queue-name jobs",
    "aws sqs list-queues",
    language="shell",
)
CHANGES = declare(
    "cloud.changes",
    HIGH,
    "Changes or stops something in a cloud account.",
    "aws ec2 stop-instances --instance-ids i-1",
    "aws ec2 describe-instances",
    language="shell",
)
DELETES = declare(
    "cloud.deletes",
    HIGH,
    "Deletes something in a cloud account.",
    "aws sqs delete-queue --queue-url x",
    "aws sqs list-queues",
    language="shell",
)
GONE = declare(
    "cloud.data_gone",
    CRITICAL,
    "Deletes data, machines, keys, or whole projects in a cloud account.",
    "aws ec2 terminate-instances --instance-ids i-1",
    "aws ec2 describe-instances",
    language="shell",
)
ACCESS = declare(
    "cloud.access",
    HIGH,
    "Changes who may do what in a cloud account, or what is reachable from where.",
    "aws iam create-user --user-name x",
    "aws iam list-users",
    language="shell",
)
ADMIN = declare(
    "cloud.admin",
    CRITICAL,
    "Makes somebody an administrator of a cloud account, or opens it to everybody.",
    "aws iam attach-user-policy --user-name x --policy-arn arn:aws:iam::aws:policy/AdministratorAccess",
    "aws iam list-attached-user-policies --user-name x",
    language="shell",
)
SECRET = declare(
    "cloud.secret",
    HIGH,
    "Reads secrets, keys, or tokens of a cloud account.",
    "aws secretsmanager get-secret-value --secret-id db",
    "aws secretsmanager list-secrets",
    language="shell",
)
RUNS = declare(
    "cloud.runs",
    HIGH,
    "Runs commands or code on machines of a cloud account.",
    "aws ssm send-command --document-name AWS-RunShellScript --targets x",
    "aws ssm list-commands",
    language="shell",
    unread=True,
)
PAYS = declare(
    "cloud.pays",
    HIGH,
    "Moves money.",
    "stripe refunds create --charge ch_1",
    "stripe refunds list",
    language="shell",
)
LOGGING = declare(
    "cloud.logging",
    HIGH,
    "Stops or deletes the records of what is done in a cloud account.",
    "aws cloudtrail stop-logging --name t",
    "aws cloudtrail describe-trails",
    language="shell",
)
UNKNOWN = declare(
    "cloud.unknown",
    MEDIUM,
    "Does something of unknown effect in a cloud account.",
    "aws frobnicate all",
    "aws sts get-caller-identity",
    language="shell",
    unread=True,
)

_VERBS = {
    "reads": "list get describe ls show view head query search lookup scan filter count check validate verify "
    "estimate preview simulate "
    "batch-get select explain diff info status version wait logs log tail read cat find stat du help dryrun compare "
    "peek watch inspect history whoami detect discover ping doctor print config-helper login-status fetch poll "
    "transact-get receive sync-status outputs output top metrics graph env-ls",
    "deletes": "delete remove rm rb destroy terminate purge deprovision deregister release del erase clean clear "
    "wipe drop "
    "undeploy teardown decommission abandon uninstall flush empty prune expire discard nuke unpublish",
    "stops": "stop disable detach disassociate cancel reboot restart reset suspend pause revoke deny block "
    "deactivate failover unset "
    "unregister unassign leave reject fail rollback restore scale resize drain close hibernate power-off poweroff "
    "shutdown halt "
    "abort downgrade shelve unlink deallocate redeploy unlock lock",
    "changes": "update modify put set change edit patch replace apply deploy upgrade promote migrate move rename "
    "rotate import attach "
    "associate register enable allow authorize grant add assume switch configure link bind transfer swap accept "
    "invalidate sync cp mv "
    "upload copy write publish send push invoke execute run start submit reload rebuild use create-or-update "
    "renew extend convert merge approve provision trigger call assign insert load seek",
    "creates": "create new make mb init tag untag label allocate request generate open clone snapshot issue mk "
    "build subscribe",
}
_VERB = {verb: kind for kind, verbs in _VERBS.items() for verb in verbs.split()}
_DATA = re.compile(
    r"instances?\b|\bdb\b|db-|databases?\b|\bsql\b|rds\b|buckets?\b|\bobjects?\b|tables?\b|volumes?\b|snapshots?\b"
    r"|backups?\b|disks?\b|projects?\b"
    r"|clusters?\b|\bkeys?\b|file-?systems?\b|storage|domains?\b|hosted-?zones?\b|\bzones?\b|vaults?\b|secrets?\b"
    r"|images?\b|resource-?groups?\b|\bgroup\b"
    r"|streams?\b|droplets?\b|servers?\b|\bvms?\b|virtual-machines?|nodepools?|stacks?\b|\bdns\b|repositor"
    r"|\bapps?\b|\bsites?\b|\blinodes?\b|firestore|\bpg:|\bworkspaces?\b|\bvpcs?\b|\bnamespaces?\b|\bspaces?\b"
    r"|recovery-?points?"
    r"|machines?\b|warehouse|datasets?\b|index(?:es)?\b|collections?\b|\baccounts?\b|organi[sz]ations?\b"
    r"|tenants?\b|deployments?\b|addons?\b|event-?hubs?\b|servicebus|user-?pools?\b|\bd1\b|\bkv\b|\bfs\b|keyspaces?\b"
    r"|\btopics?\b(?=.*pubsub)|pubsub.*\btopics?\b|search-service",
    re.IGNORECASE,
)
_ACCESS = re.compile(
    r"\biam\b|polic(?:y|ies)|\broles?\b|\busers?\b|user-pool|\bgroups?-membership|access-?keys?|credential"
    r"|security-?group|firewall|ingress|egress"
    r"|\bacl\b|\bnacl\b|network-?rule|\bnsg\b|permission|public|binding|service-?accounts?|login-profile|mfa"
    r"|ssh-?keys?|key-?pairs?|\bad\b|entra"
    r"|federat|oauth|saml|identity|authorized|\bsso\b|trust|principal|grant|certificat|allowlist|whitelist"
    r"|\bcors\b|\bkms\b|tokens?\b|access\b|app-role",
    re.IGNORECASE,
)
_ADMIN = re.compile(
    r"administratoraccess|poweruseraccess|iamfullaccess|roles/owner|roles/editor|roles/iam\.|\bowner\b|contributor"
    r"|user access administrator"
    r"|[\"']?action[\"']?\s*:\s*[\"'\[\s]*\*|[\"']?\*:\*|global "
    r"administrator|allusers|allauthenticatedusers"
    r"|[\"']principal[\"']\s*:\s*(?:\{\s*[\"']aws[\"']\s*:\s*)?[\"']\*[\"'].*[\"']s3:\*[\"']"
    r"|organizationadmin|--group-name admin|\badmins?\b(?= "
    r"|$)|cluster-?admin\b",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"0\.0\.0\.0/0|::/0|public-read|allusers|allauthenticatedusers|\binternet\b|--source-address-prefixes "
    r"\*|authenticated-read|\ball-users\b",
    re.IGNORECASE,
)
_SECRETS = re.compile(
    r"secret-?value|get-secret|secrets? (?:versions? "
    r"access|get|show|view|download|reveal|list-values)|secretsmanager get|keyvault (?:secret|key) (?:show|download)"
    r"|get-parameter.*with-decryption|\bdecrypt\b|get-session-token|get-federation-token|assume-role\b"
    r"|create-access-key|print-access-token"
    r"|print-identity-token|get-access-token|get-login-password|get-authorization-token|ecr "
    r"get-login|get-password-data|keys? list\b|list-keys|keys show"
    r"|connection-string|show-connection-string|get-credentials|export-credentials|configure "
    r"(?:get|export-credentials)|kubeconfig (?:save|show)"
    r"|generate-db-auth-token|master-?keys?|admin-?keys?|account-keys|auth(?:orization)?-token|auth token|auth "
    r"print|config:get|config -s|env pull|show-values",
    re.IGNORECASE,
)
_LOGS = re.compile(
    r"cloudtrail|config-?recorder|configuration-?recorder|guardduty|securityhub|security-?center|flow-?logs?"
    r"|log-?group|logging|audit|sinks?\b|diagnostic-settings|detector|macie|inspector|activity-log|monitor\b",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"send-command|ssm "
    r"start-session|run-command|runcommand|\bssh\b|execute-command|start-session|serial-port|invoke\b|call\b"
    r"|custom-?script|user-?data|startup-script|\bexec\b|\brun:",
    re.IGNORECASE,
)
_SMALL = re.compile(
    r"\bpublish\b|send-message|send-email|put-events|put-metric|put-log|put-object|copy-object|delete-object\b|\bupload"
    r"|update-kubeconfig|\btags?\b|\blabels?\b|alarms?\b|dashboards?\b|\bjobs?\b|\balias(?:es)?\b|messages?\b"
    r"|notifications?\b"
    r"|subscriptions?\b|drafts?\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Deed:
    """What is done in a cloud: a verb, what it is done to, and everything that was given, in lower case."""

    verb: str
    target: str
    whole: str
    line: int
    program: str


_EXPIRES = re.compile(
    r"[\"'{ ](?:expiration|abortincomplete)?\W*(?:days|age|dayssincemodification\w*|daysaftermodification\w*)"
    r"[\"']?\s*[:=]\s*[\"']?(\d+)"
)
_DELETES_OLD = re.compile(r"expiration|[\"']type[\"']\s*:\s*[\"']delete[\"']|[\"']delete[\"']\s*:\s*\{|expire")
_SOME = re.compile(
    r"prefix(?:match|es)?[\"']?\s*[:=]\s*\[?\s*[\"'][^\"']|[\"']tags?[\"']\s*:|matches\w+[\"']\s*:\s*\["
    r"|noncurrent|isl?ive[\"']\s*:\s*false|numnewerversions|objectsize"
)
_SOON = 30
"""Days after which what expires is gone before anybody notices."""


def expires_everything(given: str) -> bool:
    """Return True if a rule for the life of objects, in lower case, deletes all of them within days."""
    days = _EXPIRES.search(given)
    return bool(days and int(days[1]) <= _SOON and _DELETES_OLD.search(given) and not _SOME.search(given))


def is_open(given: str) -> bool:
    """Return True if arguments, in lower case, open something to everybody."""
    return bool(_OPEN.search(given))


def kind_of(verb: str) -> str:
    """Return what a verb such as ``delete-bucket`` means.

    It is ``reads``, ``deletes``, ``stops``, ``changes``, or ``creates``; empty if the verb is not known.
    """
    first = verb.lower()
    if first.startswith(("run-instances", "run-task", "run-job-flow", "start-instances", "start-db")):
        return "creates"
    if first in _VERB:
        return _VERB[first]
    parts = re.split(r"[-_:]", first)
    if parts[0] == "batch" and len(parts) > 1:
        parts = parts[1:]
    return _VERB.get(parts[0], "") or _VERB.get(parts[-1], "")


def judge(deed: Deed, reading: Reading) -> None:
    """Note what is done in a cloud."""
    rule, level, message = judged(deed, kind_of(deed.verb))
    if rule is not None:
        reading.add(rule, message, deed.line, level)


def judged(deed: Deed, kind: str) -> tuple[RiskRule | None, RiskLevel | None, str]:
    """Return what is done in a cloud as a rule, its level if it is not the usual one, and the message."""
    target = "" if deed.target == deed.program else deed.target
    shown = " ".join(f"{deed.program} {target} {deed.verb}".split())[:120]
    about = f"{deed.target} {deed.verb}"
    if _SECRETS.search(deed.whole):
        return SECRET, None, f"This reads secrets, keys, or tokens: {shown}."
    if kind == "reads":
        return None, None, ""
    if not kind:
        return (
            (RUNS, None, f"This runs something on machines of the account: {shown}.")
            if _CODE.search(about)
            else (UNKNOWN, None, f"What this does is not known: {shown}.")
        )
    if _CODE.search(about):
        return RUNS, None, f"This runs something on machines of the account: {shown}."
    if kind in ("deletes", "stops") and _LOGS.search(about):
        return LOGGING, None, f"This stops or deletes the records of what is done in the account: {shown}."
    access = _ACCESS.search(about)
    if kind in ("changes", "creates", "stops") and (access or _OPEN.search(deed.whole)):
        if _ADMIN.search(deed.whole) and not re.search(r"\brevoke|remove|detach|deny", deed.verb):
            return ADMIN, None, f"This gives somebody all rights in the account, or opens it to everybody: {shown}."
        opened = " and opens it to everybody" if _OPEN.search(deed.whole) else ""
        return ACCESS, None, f"This changes who may do or reach what{opened}: {shown}."
    if kind == "deletes":
        if _DATA.search(about) and not _SMALL.search(about):
            return GONE, None, f"This deletes data, machines, or more, which cannot be undone: {shown}."
        return DELETES, MEDIUM if _SMALL.search(about) else None, f"This deletes something in the account: {shown}."
    if kind == "creates":
        return CREATES, LOW if _SMALL.search(deed.verb) else None, f"This creates something in the account: {shown}."
    small = _SMALL.search(about) or re.match(r"re(?:start|load|boot)|start|wake|resume", deed.verb.rpartition(":")[2])
    return CHANGES, MEDIUM if small else None, f"This changes or stops something in the account: {shown}."
