"""Addresses of well-known services, and what a request to them does: by their paths, whatever sends the request."""

from __future__ import annotations

import re
from typing import NamedTuple

from app.risk.reading import Reading
from app.risk.rules import declare
from app.risk.words import Word
from assent.contracts import RiskLevel

HIGH, CRITICAL = RiskLevel.HIGH, RiskLevel.CRITICAL

CHANGES = declare(
    "http.changes_service",
    HIGH,
    "Asks a well-known service to change or stop something that many rely on.",
    "curl -X PUT http://search.example.com:9200/_cluster/settings -d @s.json",
    "curl http://search.example.com:9200/_cluster/settings",
    language="shell",
)
LOSES = declare(
    "http.loses_data",
    CRITICAL,
    "Asks a well-known service to delete data, machines, or everybody's accounts.",
    "curl -X DELETE https://id.example.com/admin/realms/shop",
    "curl https://id.example.com/admin/realms/shop",
    language="shell",
)


class Request(NamedTuple):
    """What a request to an address of a known service would do.

    Attributes:
        words: What it does, as in "deletes a realm with all accounts in it".
        level: How bad that is.
    """

    words: str
    level: RiskLevel


_ANY = "POST|PUT|PATCH|DELETE"
_REQUESTS: tuple[tuple[str, str, str, RiskLevel], ...] = (
    # Search engines
    (
        _ANY,
        r"/_cluster/(?:settings|reroute)|/_ilm/(?:stop|policy/)|/_slm/|/_index_template/",
        "changes the whole cluster",
        HIGH,
    ),
    (
        "POST",
        r"/_close$|/_forcemerge|/_snapshot/[^/]+/[^/]+/_restore|/_shutdown|/_nodes/[^/]*/_shutdown",
        "takes data out of use, or replaces it by older data",
        HIGH,
    ),
    (_ANY, r"/_security/(?:user|role|api_key)", "changes who may use the search engine", HIGH),
    ("DELETE", r"/v1/sys/(?:mounts|namespaces)/[^/]+", "deletes a store with all secrets in it", CRITICAL),
    ("DELETE", r"/_snapshot/|/_data_stream/|/_ingest/pipeline/", "deletes snapshots or streams of data", CRITICAL),
    # Metrics and logs
    (
        _ANY,
        r"/api/v1/admin/tsdb/(?:delete_series|clean_tombstones)|/api/v2/delete\b|/loki/api/v1/delete",
        "deletes what has been recorded",
        CRITICAL,
    ),
    (_ANY, r"/-/quit$|/quitquitquit|/api/shutdown$|/actuator/shutdown$|/quitQuitQuit$", "stops the service", HIGH),
    # Message brokers and stores of keys
    (
        "DELETE",
        r"/api/queues/[^/]+/[^/]+(?:/contents)?$|/api/vhosts/[^/]+$|/topics/[^/]+$",
        "deletes a queue with its messages",
        CRITICAL,
    ),
    (_ANY, r"/v3/kv/deleterange|/v1/kv/.*\?(?:.*&)?recurse", "deletes many keys", CRITICAL),
    (
        _ANY,
        r"/v1/sys/(?:seal|step-down|generate-root|rekey|raw)\b|/v1/sys/(?:mounts|auth|policies/\w+|audit)/",
        "changes the store of secrets for everybody",
        HIGH,
    ),
    (_ANY, r"/v1/agent/(?:leave|force-leave)|/v1/acl/|/v1/operator/", "changes the cluster of servers", HIGH),
    # Directories and identity
    ("DELETE", r"/admin/realms/[^/]+$", "deletes a realm with all accounts in it", CRITICAL),
    (
        _ANY,
        r"/lifecycle/(?:deactivate|suspend|delete|reset_factors|expire_password)",
        "takes somebody's access away",
        HIGH,
    ),
    (
        _ANY,
        r"/admin/realms/[^/]+(?:/(?:users|roles|clients|groups|logout-all|push-revocation))?(?:/|$)|/scim/v2/"
        r"|/api/v1/(?:policies|authorizationServers|idps)\b",
        "changes accounts or how people sign in",
        HIGH,
    ),
    # Build servers and repositories
    (
        "POST",
        r"/(?:quietDown|safeExit|exit|restart|safeRestart|doDelete|doWipeOutWorkspace)$",
        "stops the build server, or deletes one of its jobs",
        HIGH,
    ),
    (
        _ANY,
        r"/branches/[^/]+/protection|/protected_branches\b|/rulesets\b|/hooks(?:/\d+)?$|/deploy_?keys\b|/collaborators/",
        "changes what protects a repository, or who may write to it",
        HIGH,
    ),
    (
        _ANY,
        r"/merge$|/merges$|/actions/secrets/|/variables/",
        "merges code, or changes what the build server runs with",
        HIGH,
    ),
    (
        "DELETE",
        r"/repos/[^/]+/[^/]+$|/api/v4/(?:projects|groups)/[^/]+$|/2\.0/repositories/[^/]+/[^/]+$",
        "deletes a repository with everything in it",
        HIGH,
    ),
    # Containers and clusters
    ("POST", r"/volumes/prune|/system/prune|/swarm/leave", "deletes volumes", CRITICAL),
    (
        "POST",
        r"/containers/[^/]+/(?:kill|stop|exec)|/containers/create|/images/prune",
        "stops or starts containers",
        HIGH,
    ),
    (
        "DELETE",
        r"/volumes/[^/]+$|/api/v1/(?:namespaces|nodes|persistentvolumes)(?:/[^/]+)?$"
        r"|/namespaces/[^/]+/(?:persistentvolumeclaims|secrets)$",
        "deletes data of a cluster",
        CRITICAL,
    ),
    ("DELETE", r"/namespaces/[^/]+/\w+$", "deletes all objects of a kind", CRITICAL),
    # Clouds and names
    (
        "DELETE",
        r"/client/v4/zones/[^/]+$|/v2/domains/[^/]+$|/dns/zones?/[^/]+$|/v1/domains/[^/]+$",
        "deletes a zone of names",
        CRITICAL,
    ),
    (
        _ANY,
        r"/dns_records\b|/rrsets?\b|/records(?:/[^/]+)?$|/hostedzone/",
        "changes where names on the internet lead",
        HIGH,
    ),
    (
        "DELETE",
        r"/v2/(?:droplets|databases|volumes|snapshots|kubernetes/clusters)\b|/v1/(?:servers|volumes|clusters)/[^/]+$"
        r"|/subscriptions/[^/]+/resource[gG]roups/[^/]+(?:$|\?)|/compute/v1/.*/(?:instances|disks)/[^/]+$",
        "deletes machines or their disks",
        CRITICAL,
    ),
    # Messages to many people
    (
        "POST",
        r"/campaigns/[^/]+/actions/send|/broadcasts?(?:/[^/]+)?/?(?:send|schedule)?$|/marketing/.*send|/singlesends?/"
        r"|/newsletters?/[^/]+/send|/mailings?/[^/]+/send",
        "sends a message to many people",
        HIGH,
    ),
)
_COMPILED = [
    (re.compile(methods), re.compile(path), Request(words, level)) for methods, path, words, level in _REQUESTS
]
_LONGEST = 2_000


def known_request(method: str, address: str) -> Request | None:
    """Return what a request does if its path is one of a known service; None otherwise, and for one that only reads.

    Args:
        method: The method of HTTP in capital letters.
        address: The address; unknown parts may be anything.
    """
    if method in ("", "GET", "HEAD", "OPTIONS"):
        return None
    text = re.sub(r"^[a-z]+://[^/]*", "", address.strip()[:_LONGEST], flags=re.IGNORECASE)
    path = text.split("#")[0]
    bare = path.split("?")[0].rstrip("/")
    for methods, pattern, request in _COMPILED:
        if methods.fullmatch(method) and (pattern.search(bare) or (r"\?" in pattern.pattern and pattern.search(path))):
            return request
    return None


def note_request(reading: Reading, method: str, address: Word) -> None:
    """Note what a request to a well-known service does; see `known_request`."""
    request = known_request(method, address.text)
    if request is not None:
        rule = LOSES if request.level is CRITICAL else CHANGES
        reading.add(rule, f"The request to {address.display} {request.words}.", address.line)


_SEND_A_MESSAGE = re.compile(
    r"api\.(?:\w+\.)?mailgun\.net/|api\.sendgrid\.com/|api\.postmarkapp\.com/|api\.mailjet\.com/|api\.brevo\.com/"
    r"|api\.sparkpost\.com/|api\.twilio\.com/|api\.vonage\.com/|rest\.nexmo\.com/|api\.resend\.com/|mandrillapp\.com/"
    r"|slack\.com/api/chat\.|api\.telegram\.org/bot|discord(?:app)?\.com/api/|graph\.facebook\.com/.*/messages"
    r"|api\.pushover\.net/|fcm\.googleapis\.com/|onesignal\.com/api|graph\.microsoft\.com/.*/sendMail|/v3/mail/send"
    r"|/messages/?$|/sms(?:/send)?/?$|/send[-_]?(?:e?mail|sms|message)",
    re.IGNORECASE,
)


def sends_message(address: str) -> bool:
    """Return True if a request to an address sends a message to a person."""
    return bool(_SEND_A_MESSAGE.search(address[:_LONGEST].split("?")[0]))
