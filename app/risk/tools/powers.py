"""Who gets which rights, as the arguments of a call say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.risk.reading import Reading
from app.risk.rules import RiskRule, declare, word_set
from app.risk.tools import names
from app.risk.tools.call import Setting
from assent.contracts import RiskLevel

ADMIN = declare(
    "tool.args.admin",
    RiskLevel.HIGH,
    "A call that acts makes somebody an administrator or owner.",
    names.example("add_collaborator", '{"permission": "admin"}'),
    names.example("add_collaborator", '{"permission": "read"}'),
    language=names.TOOL,
)
UNLIMITED = declare(
    "tool.args.unlimited",
    RiskLevel.CRITICAL,
    "A call that acts gives somebody unlimited powers.",
    names.example("bind_role", '{"role": "cluster-admin"}'),
    names.example("bind_role", '{"role": "view"}'),
    language=names.TOOL,
)
OPEN = declare(
    "tool.args.public",
    RiskLevel.HIGH,
    "An argument makes something accessible to everybody.",
    names.example("update_bucket", '{"acl": "public-read"}'),
    names.example("update_bucket", '{"acl": "private"}'),
    language=names.TOOL,
)

_ADMIN = re.compile(
    r"(?:[\w.-]*[/:_ -])?(?:admin(?:istrator)?s?|owners?|root|wheel|superusers?|maintain(?:er)?|full[_ -]?access"
    r"|write-all|sudo|editor-in-chief|super[_ -]?admin|sysadmin|iam[_ -]?full[_ -]?access|all[_ "
    r"-]?permissions|manage_all"
    r"|contributor)",
    re.IGNORECASE,
)
_UNLIMITED = re.compile(
    r"cluster-admin|(?:arn:aws:iam::aws:policy/)?AdministratorAccess|roles/owner|(?:global|company|tenant)"
    r" administrator|domain admins|enterprise admins|schema admins|sysadmin|superuser|super[_ -]?admin(?:istrator)?|org"
    r"(?:anization)?[_ :-]owner|system:masters|user access administrator|privileged role administrator",
    re.IGNORECASE,
)
_ALL_PATHS = re.compile(r'path\s*"\*"\s*\{[^{}]{0,500}"(?:sudo|root)"', re.IGNORECASE)
_ALL_RIGHTS = re.compile(r"owner|admin(?:istrator)?|contributor", re.IGNORECASE)
_WHOLE_SCOPE = re.compile(
    r"/|root|tenant|global|organi[sz]ation|/?(?:subscriptions|organizations|accounts|tenants)/[^/]+/?"
    r"|/providers/microsoft\.management/managementgroups/[^/]+",
    re.IGNORECASE,
)
_ADMIN_KEYS = word_set(
    "permission permissions role roles access privilege privileges scope scopes group groups level policy grant grants"
)
_LEVEL_KEYS = word_set("accesslevel permissionlevel privilegelevel")
_GITLAB_MAINTAINER = 40


def powers(setting: Setting) -> Iterator[tuple[RiskRule, str]]:
    """Who gets which rights."""
    path, text = setting.path, setting.text
    if setting.words & {"policy", "rules", "hcl"} and _ALL_PATHS.search(text):
        yield UNLIMITED, f"The argument {path} allows everything on every path."
    if setting.words & (_ADMIN_KEYS | {"name", "type"}) and _UNLIMITED.fullmatch(text):
        yield UNLIMITED, f"The argument {path} is {text!r}: somebody gets unlimited powers."
    elif setting.words & _ADMIN_KEYS and _ADMIN.fullmatch(text):
        yield ADMIN, f"The argument {path} is {text!r}: somebody gets all rights."
    if setting.plain in _LEVEL_KEYS and isinstance(setting.value, int) and setting.value >= _GITLAB_MAINTAINER:
        yield ADMIN, f"The argument {path} is {setting.value}: somebody gets all rights."
    if setting.plain in ("isadmin", "admin", "superuser", "issuperuser", "isowner", "sudo") and setting.value is True:
        yield ADMIN, f"The argument {path} is true: somebody gets all rights."


def read_statement(fields: Mapping[str, Any], reading: Reading) -> None:
    """Note a statement of a policy that allows everything, and a role on everything there is."""
    role, scope = (str(fields.get(name, "")) for name in ("role", "scope"))
    if _ALL_RIGHTS.fullmatch(role) and _WHOLE_SCOPE.fullmatch(scope):
        reading.add(UNLIMITED, f"Somebody becomes {role[:60]} of {scope[:60]}, with everything in it.")
    if str(fields.get("effect", "")).lower() == "allow":
        actions, resources = (_listed(fields.get(name)) for name in ("action", "resource"))
        if "*" in actions and ("*" in resources or not resources):
            reading.add(UNLIMITED, "A statement allows every action on everything.")
        elif "*" in actions or any(action.lower() in ("iam:*", "*:*") for action in actions):
            reading.add(ADMIN, "A statement allows every action.")
        if "*" in _listed(fields.get("principal")):
            reading.add(OPEN, "A statement allows everybody something.")


def _listed(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for inner in value.values() for text in _listed(inner)]
    return [str(item) for item in value] if isinstance(value, list) else [str(value)] if value is not None else []
