"""Reading JSON: plans of Terraform, and Kubernetes objects as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from app.risk.documents.terraform_settings import read_settings
from app.risk.effects import UNPARSED
from app.risk.reading import Reading
from app.risk.rules import declare
from assent.contracts import RiskLevel

_LANGUAGE = "json"


def _example(kind: str, *actions: str, after: str = "{}") -> str:
    change = f'{{"actions": {json.dumps(actions)}, "before": {{}}, "after": {after}}}'
    return f'{{"resource_changes": [{{"address": "a.b", "type": "{kind}", "change": {change}}}]}}'


DELETES = declare(
    "terraform.deletes", RiskLevel.HIGH, "A plan deletes or replaces a resource.",
    _example("aws_lambda_function", "delete"), _example("aws_lambda_function", "create"), language=_LANGUAGE,
)  # fmt: skip
DATA_GONE = declare(
    "terraform.data_gone", RiskLevel.CRITICAL,
    "A plan deletes or replaces what holds data, a network, or a cluster, or deletes a machine.",
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
UNKNOWN = declare(
    "json.unknown", RiskLevel.MEDIUM, "JSON of a kind that is not known.", '{"a": 1}', _example("a_b", "no-op"),
    language=_LANGUAGE, unread=True,
)  # fmt: skip
_HOLDS_DATA = re.compile(
    r"(?:^|_)(?:db|database|rds|sql|dynamodb|bucket|s3|storage|disk|volume|ebs|efs|filesystem|file_system|snapshot|backup"
    r"|vault|kms|key_ring|crypto_key|redshift|bigquery|elasticache|elasticsearch|opensearch|cosmosdb|spanner|firestore"
    r"|kafka|msk|cluster|eks|gke|aks|vpc|virtual_network|project|resource_group|namespace|zone|dns_zone|repository"
    r"|user_pool|directory|organizations_account)(?:_|$)"
)
_PART_OF_IT = re.compile(
    r"_(?:policy|public_access_block|versioning|acl|logging|notification|subnet_group|parameter_group|option_group"
    r"|endpoint|attachment|association|configuration|controls|alarm|alias|record|member|binding|role|rule|grant|plan"
    r"|selection|connection|object|node_group|node_pool|addon|instance_profile|cluster_instance|protection|collaborator"
    r"|webhook|route|service|user|event_subscription|lock|link)$"
)
"""A setting or a member of what holds data: without it, the data is still there."""
_MACHINE = re.compile(
    r"(?:aws_|google_compute_|oci_core_|alicloud_|linode_)instance|(?:.*_)?(?:virtual_machine|droplet|compute_instance_v2)"
    r"|hcloud_server|scaleway_instance_server"
)
_VALUES_ONLY = re.compile(r"random_(?!password).*|null_resource|terraform_data|time_.*")
"""Resources that are only values in the state."""
_RIGHTS = re.compile(
    r"(?:^|_)(?:iam|role|rbac|permissions?|member|members|membership|binding|user|secret|access_key|access_policy|key_pair"
    r"|ssh_key|deploy_key|service_account_key|grant|collaborator|api_key|app_password|directory_role)(?:_|$)"
    r"|(?:^|_)(?:bucket|key|queue|topic|vault|repository|resource|registry|kms|organizations|scp|domain|function|lake)_policy$"
)
_ADMIN = re.compile(
    r'"Action\\{0,8}":\s?\[?\s?\\{0,8}"(?:\*|iam:\*|\*:\*)\\{0,8}"|/(?:AdministratorAccess|IAMFullAccess)"|"roles/owner"|"cluster-admin"'
    r'|"role_definition_name": "(?:Owner|User Access Administrator)"|"Global Administrator"'
)
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
    if ("delete" in actions or "forget" in actions) and not _VALUES_ONLY.fullmatch(kind):
        _read_deletion(kind, address, actions, reading)
    else:
        reading.add(CHANGES, f"This {'creates' if 'create' in actions else 'changes'} {address}.")
    before, after = change.get("before"), change.get("after")
    read_settings(kind, address, before, after, reading)
    if _RIGHTS.search(kind) and "delete" not in actions:
        admin = len(_ADMIN.findall(json.dumps(after))) > len(_ADMIN.findall(json.dumps(before)))
        words = f"This changes who may do what: {address}."
        reading.add(RIGHTS, words, None, RiskLevel.CRITICAL if admin else None)


def _read_deletion(kind: str, address: str, actions: list[str], reading: Reading) -> None:
    what = "replaces" if "create" in actions else "deletes"
    holds_data = _HOLDS_DATA.search(kind) and not _PART_OF_IT.search(kind)
    if "forget" not in actions and (holds_data or (_MACHINE.fullmatch(kind) and what == "deletes")):
        reading.add(DATA_GONE, f"This {what} {address}, with what it holds.")
    else:
        reading.add(DELETES, f"This {what} {address}.")
