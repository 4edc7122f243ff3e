"""Clients of clouds: boto3, google-cloud, azure, and their like."""

from __future__ import annotations

import re

from app.risk.commands import cloud_rules
from app.risk.commands.cloud_rules import Deed, judged, kind_of
from app.risk.effects import CONNECTS, Act, act_on, connect
from app.risk.places import Place, place_of
from app.risk.python import databases
from app.risk.python.clients import DATA, Use, library, words_of
from app.risk.python.values import ANY, Value, text_of
from app.risk.rules import declare, word_set
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

CLOUD_GONE = declare(
    "python.cloud_delete", CRITICAL, "Deletes or terminates resources of a cloud or cluster.",
    "import boto3\nboto3.client('ec2').terminate_instances(InstanceIds=['i-1'])",
    "import boto3\nboto3.client('ec2').describe_instances()", language="python",
)  # fmt: skip
CLOUD_CHANGES = declare(
    "python.cloud_change", HIGH, "Changes resources of a cloud or cluster.",
    "import boto3\nboto3.client('ec2').stop_instances(InstanceIds=['i-1'])",
    "import boto3\nboto3.client('s3').list_buckets()", language="python",
)  # fmt: skip

_ONE = word_set(
    "object objects blob blobs message messages item items tag tags comment label labels pod event events record "
    "records document documents entity row rows file files draft alarm alarms metric annotation entry key_value "
    "revision notification notifications task tasks contact member alias dashboard job jobs subscription execution "
    "version versions"
)
"""Things that a service has very many of: one of them is soon replaced, all of them are not."""
_WHOLE = word_set(
    "bucket container database db table collection cluster vault backup recovery snapshot image layer sets dns zone "
    "system systems filesystem"
)
"""What holds such things; with these words, it is not one of them."""
_VECTORS = ("chromadb", "qdrant_client", "weaviate", "pymilvus", "influxdb_client")
_OWNER = re.compile(
    r"8e3af657-a8ff-443c-a75c-2fe8c4bcb635|18d7d88d-d35e-4fb5-a5c3-7773c20a72d9|b24988ac-6180-42a0-ab88"
)
"""Roles of Azure that may do everything, or give others every right: owner, user access administrator, contributor."""
_ORDINARY = re.compile(
    r"put-(?:item|record|records|object|events?|metric-data|log-events|message|parameter|file)|update-item"
    r"|(?:batch-)?write-(?:item|items|entries|points|row|rows)|upload|insert|upsert|set-metadata|set-labels|publish|send"
    r"|patch-(?:metadata|labels)|create-tags|tag|untag|add-tags|set-tags|merge|copy|compose|rewrite|complete|renew"
    r"|acknowledge|ack|nack|change-message-visibility|extract|import-rows|insert-rows|load-table|export|mutate"
)
"""Calls that write one thing in the usual way."""
_PARTS = word_set(
    "client resource session bucket blob object collection document table dataset topic queue container file "
    "directory share subscription namespace database zone project instance cluster model job location path "
    "transaction batch pipeline service build api meta exceptions paginate limit pages page from_connection_string "
    "from_service_account_json from_service_account_info from_service_account_file from_env with_options reference "
    "get_paginator get_waiter context open connect login authenticate credential default parent common_location_path "
    "project_path secret_path secret_version_path topic_path subscription_path queue_path key_path crypto_key_path "
    "result done wait wait_until_exists add_done_callback can_paginate generate_presigned_url load reload refresh "
    "close new_batch_http_request from_dict to_dict to_json as_dict bind query_parameters document_ref order_by "
    "where select keys values items append extend index count sort find setdefault date start_after end_before "
    "offset on_snapshot transport url_for batch_writer"
)
"""Methods that only lead to another part of the client, or wait."""
_MANNER = re.compile(r"^(?:begin|async|batch|sync|bulk|admin|permanent|permanently|hard|force)-(?=\w)")
_NO_TARGETS = word_set("client resource session [] from_connection_string from_service_account_json from_env")
_UPLOADS = re.compile(r"upload|put-object\b|put-file|import-from|append-block|stage-block")
_DOWNLOADS = re.compile(r"download|get-file|export-to|readinto")
_SECRETS = re.compile(
    r"get-secret|access-secret|get-secret-value|secret-value|\bget-parameters?\b|decrypt\b|assume-role|get-session-token"
    r"|list-keys|list-account-keys|list-connection-strings|regenerate-key|get-credentials|create-access-key|get-password"
    r"|list-admin-key|get-certificate-key|generate-access-token|get-authorization-token|list-secrets-values|get-key-value"
)
_FOR_GOOD = re.compile(
    r"schedule-key-deletion|disable-key$|delete-imported-key-material|close-account|leave-organization"
    r"|remove-account|destroy-crypto-key-version|shred|factory-reset|delete-all|purge-deleted|empty-trash|remove-all"
)
"""Calls after which data cannot be read, or whole accounts are gone."""


@library(
    "boto3", "aioboto3", "aiobotocore", "botocore", "azure", "google", "googleapiclient", "openstack", "digitalocean",
    "pydo", "linode_api4", "hcloud", "libcloud", "ibm_boto3", "ibm_cloud_sdk_core", "oci", "alibabacloud", "scaleway",
    "cloudflare", "CloudFlare", "vultr", "tencentcloud", "vsphere", "pyVmomi", "msgraph", "heroku3", "fly", "vercel",
    "pulumi", "python_terraform", "minio", "swiftclient", "b2sdk", "oss2", "firebase_admin", "influxdb_client",
    "qdrant_client", "chromadb", "pinecone", "weaviate", "pymilvus", "meilisearch", "algoliasearch", "typesense",
)  # fmt: skip
def call_cloud(use: Use) -> Value | None:
    """Judge a call of a cloud's client."""
    made, method = use.made, use.method
    if method in ("client", "resource") and use.path[0].endswith(("boto3", "botocore")):
        service = made.argument(0, "service_name", "service")
        return Value(kind=f"{use.path[0]}.{method}.{text_of(service) if service.known else 'service'}")
    if method in ("build", "discovery") or method[:1].isupper():
        named = f".{text_of(made.argument(0))}" if method == "build" and made.argument(0).known else ""
        dry = {"dry"} if use.dry and use.words[-1:] == ("config",) else set()
        kept = Value(kind=f"{use.result().kind}{named}", marks=made.base.marks | dry)
        return kept
    if use.dry or ("moto" in made.evaluator.mocked and use.path[0] == "boto3"):
        return Value(kind=DATA)
    verb = _MANNER.sub("", "-".join(use.words))
    if method in databases.SQL_CALLS and _runs_sql(use):
        return Value(kind=DATA)
    if method in ("execute", "execute_async", "run", "next_chunk", "send_request") and use.path[0] == "googleapiclient":
        return Value(kind=DATA, marks=made.base.marks)
    if _DOWNLOADS.search(verb):
        return _download(use)
    if _UPLOADS.search(verb):
        return _upload(use)
    if verb in ("get-credentials", "get-frozen-credentials"):
        return use.result("secret")
    if _SECRETS.search(verb) and _gives_secret(use, verb):
        made.reading.add(cloud_rules.SECRET, f"This calls {use.shown}, which gives out secrets.", made.line)
        return Value(kind=DATA, marks=frozenset({"secret"}))
    if method in _PARTS or (not kind_of(verb) and method in ("all", "filter", "items")):
        return _leads_on(use)
    if not kind_of(verb) and not made.arguments and not made.keywords:
        return _leads_on(use)
    if kind_of(verb) == "reads" or verb.startswith(
        ("is-", "has-", "can-", "exists", "test-iam", "paginate", "resolve")
    ):
        return _lists(use)
    _judge(use, verb)
    return Value(kind=DATA) if use.path[0].startswith("boto") else use.result()


def _leads_on(use: Use) -> Value:
    """Return a part of the client; all things of a kind are listed by parts such as ``bucket.objects.all()``."""
    made = use.made
    value = use.result()
    if use.method == "get_paginator":
        return Value(kind=f"{'.'.join(use.path)}.{text_of(made.argument(0))}")
    if use.method == "paginate":
        return _lists(use)
    return value


def _lists(use: Use) -> Value:
    """Return what a listing returns: everything of a kind, unless an argument chooses."""
    named = "-".join(words_of(use.path[-1])) if use.method == "paginate" else "-".join(use.words)
    lists = re.match(r"list|describe|scan|stream|iter|search|get-all|all|paginate|find|query", named)
    marks = frozenset({"listed"}) if lists and not use.filters else use.made.base.marks & {"listed"}
    if use.path[0].startswith("boto") and use.path[1:2] == ("client",):
        return Value(kind=DATA, marks=marks)
    return Value(kind=use.result().kind, marks=marks)


def _runs_sql(use: Use) -> bool:
    """Read SQL that a cloud's service runs. Returns False if there is none."""
    made = use.made
    names = ("QueryString", "sql", "Sql", "Statement", "query", "sql_string")
    value = next((made.keywords[name] for name in names if name in made.keywords), made.argument(0))
    if value.text is None or not databases.looks_like_sql(value.text):
        return False
    databases.read_sql(made, value, "bigquery" if "bigquery" in use.path else made.evaluator.dialect)
    return True


def _gives_secret(use: Use, verb: str) -> bool:
    if verb.startswith("get-parameter"):
        return "with-decryption true" in use.given
    if "get-credentials" in verb:
        return False
    return not verb.startswith(("list-secrets", "describe"))


def _download(use: Use) -> Value:
    made = use.made
    made.reading.add(CONNECTS, f"This calls {use.shown}, which reads from a cloud.", made.line)
    names = [value for value in (*made.arguments, *made.keywords.values()) if value.text]
    if names and "file" in use.method and "fileobj" not in use.method:
        act_on(made.reading, Act.WRITE, made.word(names[-1]))
        made.evaluator.downloaded.add(names[-1].text or "")
    return Value(kind=DATA, marks=frozenset({"download"}))


def _upload(use: Use) -> Value:
    made = use.made
    values = [*made.arguments, *made.keywords.values()]
    secret = any("secret" in value.marks for value in values)
    for value in values[:2]:
        if value.text and place_of(value.text) in (Place.SECRET, Place.ACCESS) and not value.text.startswith("s3:"):
            secret = True
    if secret:
        connect(made.reading, made.word(Value("a cloud")), secret=True)
        return Value(kind=DATA)
    opened = cloud_rules.is_open(use.given)
    rule, level = (cloud_rules.ACCESS, None) if opened else (CLOUD_CHANGES, MEDIUM)
    words = "which makes something readable by everybody" if opened else "which writes something to a cloud"
    made.reading.add(rule, f"This calls {use.shown}, {words}.", made.line, level)
    return Value(kind=DATA)


def _judge(use: Use, verb: str) -> None:
    made = use.made
    thing = set(use.thing)
    small = bool(thing & _ONE) and not thing & _WHOLE
    kind = kind_of(verb)
    if _FOR_GOOD.search(verb) or (verb == "reset" and use.path[0] in _VECTORS):
        made.reading.add(CLOUD_GONE, f"This calls {use.shown}: what it names is gone for good.", made.line)
        return
    if kind == "deletes" and small:
        _delete_small(use)
        return
    target = " ".join("-".join(words_of(part)) for part in use.path[1:] if part not in _NO_TARGETS)
    given = _OWNER.sub("owner", use.given)
    if "lifecycle" in verb and cloud_rules.expires_everything(given):
        made.reading.add(CLOUD_GONE, f"This calls {use.shown}: all objects are deleted after a few days.", made.line)
    deed = Deed(verb, target, f"{target} {verb} {given}", made.line, use.path[0])
    rule, level, _ = judged(deed, kind)
    if rule is None:
        return
    if rule in (cloud_rules.GONE, cloud_rules.DELETES):
        whole = level or (CRITICAL if rule is cloud_rules.GONE else CRITICAL if use.everything else HIGH)
        made.reading.add(CLOUD_GONE, f"This calls {use.shown}: what it names is gone.", made.line, whole)
    elif rule in (cloud_rules.CREATES, cloud_rules.CHANGES, cloud_rules.UNKNOWN):
        level = (
            MEDIUM if rule is not cloud_rules.CHANGES or _ORDINARY.match(verb) or (small and verb != "move") else level
        )
        many = made.many and bool({"email", "sms", "message", "mail"} & thing)
        level = HIGH if many else level
        if rule is cloud_rules.UNKNOWN:
            made.reading.doubt()
        words = "which changes or sends something" if kind else "whose effects are not known"
        made.reading.add(CLOUD_CHANGES, f"This calls {use.shown}, {words}.", made.line, level)
    else:
        made.reading.add(rule, f"This calls {use.shown}. {rule.summary}", made.line, level)
    _nested(use)


def _delete_small(use: Use) -> None:
    """Note that one of very many things is deleted, or some, or all of them."""
    made = use.made
    of_collection = use.path[:2] == ("boto3", "resource") and len(use.words) == 1 and not use.path[-1][:1].isupper()
    plural = of_collection or (len(use.words) > 1 and use.thing[-1].endswith("s") and use.thing[-1] != "alias")
    chooses = made.filtered or "filter" in made.chain or use.filters
    unknown = plural and any(_is_open(value) for value in (*made.arguments, *made.keywords.values()))
    if use.everything or (plural and "all" in made.chain) or (plural and not made.arguments and not made.keywords):
        level = HIGH if chooses else CRITICAL
    elif plural or made.many:
        level = CRITICAL if unknown and not chooses and not made.keywords.keys() & {"Prefix", "prefix"} else HIGH
        level = HIGH if made.many and not plural else level
    else:
        level = MEDIUM
    if level is MEDIUM and (re.search(r"force|bypass|purge", use.given) or "dns" in use.path):
        level = HIGH
    many = {MEDIUM: "one thing", HIGH: "many things", CRITICAL: "everything of a kind"}[level]
    made.reading.add(CLOUD_GONE, f"This calls {use.shown}: {many} that a service keeps is gone.", made.line, level)


def _is_open(value: Value) -> bool:
    """Return True if a value may stand for any number of things."""
    if value.fields is not None or value.items is not None:
        return any(_is_open(part) for part in (*(value.items or ()), *(inner for _, inner in value.fields or ())))
    return value.text is None and value.number is None and not value.name


def _nested(use: Use) -> None:
    """Read commands that are sent to machines, such as those for ``AWS-RunShellScript``."""
    given = use.made.keywords.get("Parameters", use.made.keywords.get("parameters", ANY))
    for key, value in given.fields or ():
        if key.lower() in ("commands", "script", "command"):
            for item in value.items or (value,):
                if item.text is not None:
                    use.made.reading.read("shell", text_of(item), use.made.line, fixed=True)
