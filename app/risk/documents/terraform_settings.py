"""Settings of resources in a plan of Terraform that open something, take its protection away, or stop it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from assent.contracts import RiskLevel

_LANGUAGE = "json"
_EXAMPLE = (
    '{{"resource_changes": [{{"address": "a.b", "type": "{}",'
    ' "change": {{"actions": ["update"], "before": {}, "after": {}}}}}]}}'
)


OPENS = declare(
    "terraform.opens", RiskLevel.HIGH, "A plan opens something to the whole internet.",
    _EXAMPLE.format("aws_security_group", "{}", '{"ingress": [{"cidr_blocks": ["0.0.0.0/0"]}]}'),
    _EXAMPLE.format("aws_security_group", "{}", '{"ingress": [{"cidr_blocks": ["10.0.0.0/8"]}]}'),
    language=_LANGUAGE,
)  # fmt: skip
UNPROTECTED = declare(
    "terraform.unprotected", RiskLevel.HIGH,
    "A plan turns encryption, backups, logs, or protection against deletion off.",
    _EXAMPLE.format("aws_db_instance", '{"deletion_protection": true}', '{"deletion_protection": false}'),
    _EXAMPLE.format("aws_db_instance", '{"deletion_protection": false}', '{"deletion_protection": true}'),
    language=_LANGUAGE,
)  # fmt: skip
DOWN = declare(
    "terraform.down", RiskLevel.HIGH, "A plan scales something to nothing.",
    _EXAMPLE.format("aws_ecs_service", '{"desired_count": 3}', '{"desired_count": 0}'),
    _EXAMPLE.format("aws_ecs_service", '{"desired_count": 3}', '{"desired_count": 4}'), language=_LANGUAGE,
)  # fmt: skip

_PROTECTS = re.compile(
    r"(?:enable_)?(?:deletion|termination)_protection(?:_enabled)?|disable_api_(?:termination|stop)|purge_protection_enabled"
    r"|prevent_deletion|(?:storage_)?encrypted|(?:at_rest_|transit_|infrastructure_)?encryption(?:_at_host)?(?:_enabled)?"
    r"|enable_key_rotation|block_public_(?:acls|policy)|ignore_public_acls|restrict_public_buckets|enable_logging"
    r"|enable_log_file_validation|is_multi_region_trail|(?:enable_)?https_traffic_only(?:_enabled)?|https_only"
    r"|(?:ssl_enforcement|require_ssl|require_ssl_enabled|ssl_enforcement_enabled)|point_in_time_recovery_enabled|mfa_delete"
    r"|(?:role_based_access_control|rbac)_enabled|enable_private_nodes|enforce_admins|require_signed_commits"
    r"|uniform_bucket_level_access|binary_log_enabled|geo_redundant_backup_enabled|soft_delete_enabled|logging_enabled"
)
"""Settings that protect: false takes the protection away."""
_ENABLES = re.compile(
    r"point_in_time_recovery|backup_configuration|versioning(?:_configuration)?|encrypt_at_rest|node_to_node_encryption"
    r"|audit_logs?|soft_delete_policy|logging(?:_config)?|server_side_encryption|encryption_at_rest|delete_retention_policy"
)
"""Blocks whose `enabled` protects."""
_EXPOSES = word_set(
    "publicly_accessible public_network_access_enabled allow_blob_public_access allow_nested_items_to_be_public"
    " public_access_enabled"
)
_WEAKENS = word_set(
    "skip_final_snapshot force_destroy privileged enable_legacy_abac allow_force_pushes allows_force_pushes"
    " allows_deletions allow_forking local_authentication_enabled"
)
"""Settings that weaken when true."""
_KEPT = word_set("backup_retention_period backup_retention_days snapshot_retention_limit retained_backups")
_COPIES = word_set("desired_count desired_capacity max_size replicas node_count target_size desired_size max_count")
_WEAK_WORDS = {
    "http_tokens": ("optional",), "status": ("Suspended", "Disabled"), "object_ownership": ("ObjectWriter",),
    "minimum_tls_version": ("TLS1_0", "TLS1_1", "TLS10"), "min_tls_version": ("TLS1_0", "TLS1_1", "1.0", "1.1"),
    "minimum_protocol_version": ("TLSv1", "SSLv3"),
}  # fmt: skip
_EVERYBODY = re.compile(
    r"(?:0\.0\.0\.0/0|::/0|public-read(?:-write)?|allUsers|allAuthenticatedUsers|authenticated-read|log-delivery-write)"
)
_SOURCES = word_set("source_address_prefix source_address_prefixes")
_MOST_VALUES = 20_000


def read_settings(kind: str, address: str, before: Any, after: Any, reading: Reading) -> None:
    """Compare the settings of a resource before and after a change."""
    old = dict(_values(before))
    opens = False
    outward = _is_outward(kind, after)
    for path, value in _values(after):
        if old.get(path) == value:
            continue
        name, parent = _name(path), _parent(path)
        opens = opens or (not outward and "egress" not in path and _opens(name, value))
        _read_setting(address, name, parent, value, bool(old), reading)
    if opens and len(_opened(before)) < len(_opened(after)):
        reading.add(OPENS, f"This opens {address} to the whole internet.")


def _opened(values: Any) -> list[Any]:
    return [value for path, value in _values(values) if "egress" not in path and _opens(_name(path), value)]


def _name(path: tuple[str | int, ...]) -> str:
    return next((part for part in reversed(path) if isinstance(part, str)), "")


def _parent(path: tuple[str | int, ...]) -> str:
    names = [part for part in path if isinstance(part, str)]
    return names[-2] if len(names) > 1 else ""


def _opens(name: str, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    return bool(_EVERYBODY.fullmatch(value)) or (name in _SOURCES and value in ("*", "Internet", "Any"))


def _is_outward(kind: str, after: Any) -> bool:
    """Whether a rule is for traffic that goes out, or a route."""
    if not isinstance(after, Mapping):
        return True
    direction = str(after.get("direction") or after.get("type") or "").lower()
    denies = str(after.get("access") or after.get("action") or "").lower() in ("deny", "block")
    if denies or direction in ("egress", "outbound"):
        return True
    return bool(re.search(r"route(?:_table)?(?:_|$)|egress_rule", kind))


def _read_setting(address: str, name: str, parent: str, value: Any, existed: bool, reading: Reading) -> None:
    text = str(value).lower()
    if name in _EXPOSES and text == "true":
        reading.add(OPENS, f"This opens {address} to the whole internet: {name}.")
    elif name == "visibility" and text == "public":
        reading.add(OPENS, f"Everybody may then see {address}.")
    elif text == "false" and (
        (_PROTECTS.fullmatch(name) and (existed or "encrypt" in name))
        or (name == "enabled" and _ENABLES.fullmatch(parent) and existed)
    ):
        what = parent if name == "enabled" else name
        reading.add(UNPROTECTED, f"This turns {what} of {address} off.")
    elif existed and (
        (name in _WEAKENS and text == "true")
        or (name in _KEPT and text == "0")
        or (name in _WEAK_WORDS and value in _WEAK_WORDS[name])
    ):
        reading.add(UNPROTECTED, f"This weakens the protection of {address}: {name} becomes {str(value)[:40]}.")
    elif existed and name in _COPIES and text == "0":
        reading.add(DOWN, f"This scales {address} to nothing.")


def _values(value: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield the plain values in a value with their paths."""
    pending: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    count = 0
    while pending and count < _MOST_VALUES:
        count += 1
        path, current = pending.pop()
        if isinstance(current, Mapping):
            pending.extend(((*path, str(key)), item) for key, item in current.items())
        elif isinstance(current, list):
            pending.extend(((*path, index), item) for index, item in enumerate(current))
        elif current is not None:
            yield path, current
