"""Reading JSON: plans of Terraform, and Kubernetes objects as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from app.risk.effects import UNPARSED
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from assent.contracts import RiskLevel

_LANGUAGE = "json"


def _example(kind: str, *actions: str, after: str = "{}") -> str:
    change = f'{{"actions": {json.dumps(actions)}, "before": {{}}, "after": {after}}}'
    return f'{{"resource_changes": [{{"address": "a.b", "type": "{kind}", "change": {change}}}]}}'


DELETES = declare(
    "terraform.deletes", RiskLevel.HIGH, "A plan deletes or replaces a resource.",
    _example("aws_instance", "delete"), _example("aws_instance", "create"), language=_LANGUAGE,
)  # fmt: skip
DATA_GONE = declare(
    "terraform.data_gone", RiskLevel.CRITICAL, "A plan deletes or replaces what holds data, or a network or cluster.",
    _example("aws_db_instance", "delete"), _example("aws_db_instance", "update"), language=_LANGUAGE,
)  # fmt: skip
CHANGES = declare(
    "terraform.changes", RiskLevel.MEDIUM, "A plan creates or changes a resource.", _example("aws_instance", "update"),
    _example("aws_instance", "no-op"), language=_LANGUAGE,
)  # fmt: skip
RIGHTS = declare(
    "terraform.rights", RiskLevel.HIGH, "A plan changes permissions, keys, or who may sign in.",
    _example("aws_iam_policy", "update"), _example("aws_instance", "update"), language=_LANGUAGE,
)  # fmt: skip
OPENS = declare(
    "terraform.opens", RiskLevel.HIGH, "A plan opens something to the whole internet.",
    _example("aws_security_group", "update", after='{"ingress": [{"cidr_blocks": ["0.0.0.0/0"]}]}'),
    _example("aws_security_group", "update", after='{"ingress": [{"cidr_blocks": ["10.0.0.0/8"]}]}'),
    language=_LANGUAGE,
)  # fmt: skip
UNKNOWN = declare(
    "json.unknown", RiskLevel.MEDIUM, "JSON of a kind that is not known.", '{"a": 1}', _example("a_b", "no-op"),
    language=_LANGUAGE, unread=True,
)  # fmt: skip
_HOLDS_DATA = re.compile(
    r"(?:^|_)(?:db|database|rds|sql|dynamodb|bucket|s3|storage|disk|volume|ebs|efs|filesystem|snapshot|backup|vault|kms|key_ring"
    r"|crypto_key|redshift|bigquery|elasticache|elasticsearch|opensearch|cosmosdb|spanner|firestore|kafka|msk|cluster|eks|gke|aks|vpc"
    r"|virtual_network|project|resource_group|namespace|zone|dns_zone)(?:_|$)"
)
_RIGHTS = word_set(
    "iam role policy permission permissions rbac member binding access user group key secret certificate"
)
_OPEN = re.compile(r'"(?:0\.0\.0\.0/0|::/0|public-read(?:-write)?|allUsers|allAuthenticatedUsers)"')
_MOST_CHANGES = 5_000


def read(text: str, reading: Reading) -> None:
    """Read a plan in the format of ``terraform show -json``, or an object of Kubernetes as JSON."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        reading.add(UNPARSED, "This is not valid JSON.", 1)
        return
    if isinstance(document, Mapping) and isinstance(document.get("resource_changes"), list):
        for change in document["resource_changes"][:_MOST_CHANGES]:
            reading.budget.step()
            if isinstance(change, Mapping):
                _read_change(change, reading)
        if len(document["resource_changes"]) > _MOST_CHANGES:
            reading.add(UNKNOWN, "The plan has too many changes to be read.")
    elif isinstance(document, Mapping) and "apiVersion" in document and "kind" in document:
        reading.read("yaml", text)
    else:
        reading.add(UNKNOWN, "What this JSON is for is not known.")


def _read_change(resource: Mapping[str, Any], reading: Reading) -> None:
    kind, address = str(resource.get("type", "")), str(resource.get("address", ""))[:100]
    change = resource.get("change")
    change = change if isinstance(change, Mapping) else {}
    actions = [str(action) for action in change.get("actions") or []]
    if not actions or set(actions) <= {"no-op", "read"}:
        return
    reading.touch(objects=[address])
    if "delete" in actions or "forget" in actions:
        what = "replaces" if "create" in actions else "deletes"
        if _HOLDS_DATA.search(kind) and "forget" not in actions:
            reading.add(DATA_GONE, f"This {what} {address}, with what it holds.")
        else:
            reading.add(DELETES, f"This {what} {address}.")
    else:
        reading.add(CHANGES, f"This {'creates' if 'create' in actions else 'changes'} {address}.")
    after, before = json.dumps(change.get("after")), json.dumps(change.get("before"))
    if _OPEN.search(after) and len(_OPEN.findall(after)) > len(_OPEN.findall(before)):
        reading.add(OPENS, f"This opens {address} to the whole internet.")
    if set(kind.split("_")) & _RIGHTS and "delete" not in actions:
        admin = re.search(r'\\?"Action\\?":\s*\\?\[?\\?"\*|AdministratorAccess|roles/owner', after)
        words = f"This changes who may do what: {address}."
        reading.add(RIGHTS, words, None, RiskLevel.CRITICAL if admin else None)
