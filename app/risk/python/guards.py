"""What guards a program: functions that check somebody or something, and how they are replaced or switched off."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.risk.python.decorations import MOCK
from app.risk.python.libraries import COMPUTING
from app.risk.python.networks import UNCHECKED
from app.risk.python.values import ANY, Value
from app.risk.rules import declare, word_set
from assent.contracts import RiskLevel

if TYPE_CHECKING:
    from app.risk.python.calls import Call
    from app.risk.python.evaluator import Evaluator

PATCHES = declare(
    "python.patches", RiskLevel.MEDIUM, "Replaces a function of Python or of a library by another one.",
    "import builtins\nbuiltins.len = max", "len = max", language="python", unread=True,
)  # fmt: skip
PATCHES_GUARD = declare(
    "python.patches_guard", RiskLevel.HIGH, "Replaces a function that checks passwords, rights, or signatures.",
    "import hmac\nhmac.compare_digest = lambda a, b: True", "import hmac\nhmac.compare_digest('a', 'b')",
    language="python", unread=True,
)  # fmt: skip
GIVES_POWER = declare(
    "python.gives_power", RiskLevel.HIGH, "Makes somebody an administrator of an application.",
    "user.is_superuser = True", "print(user.is_superuser)", language="python",
)  # fmt: skip
PROTECTION = declare(
    "python.protection_off", RiskLevel.HIGH, "Switches off what protects the machine, through Windows' own objects.",
    "import win32com.client\nwin32com.client.Dispatch('HNetCfg.FwPolicy2').FirewallEnabled = False",
    "import win32com.client\nprint(win32com.client.Dispatch('HNetCfg.FwPolicy2').FirewallEnabled)",
    language="python",
)  # fmt: skip
_GUARDS = re.compile(
    r"check_?password|verify|validat|authenticat|authori[sz]|permission|login_required|csrf|compare_digest|unverified"
    r"|https_context|is_?(?:admin|superuser|staff|valid|safe|allowed)|has_?(?:perm|role|access)|signature|jwt\.decode"
    r"|checkpw|require_|access_control|is_active|rate_?limit|sanitize|match_hostname|sandbox|audit",
    re.IGNORECASE,
)
"""Names of functions that decide who or what may pass."""
_CHECKS = word_set(
    "verify verify_ssl ssl_verify verify_certs validate_certs ssl_verification check_hostname verify_signature "
    "verify_hostname tls_verify verify_tls ssl_check_hostname verify_cert ssl_verify_cert ssl_verify_identity"
)
"""Arguments and attributes that say whether the other side, or what came from it, is checked."""
_MODES = word_set("cert_reqs verify_mode ssl_cert_reqs")
_TRUSTS = ("AutoAddPolicy", "WarningPolicy")


def patch(evaluator: Evaluator, module: str, name: str, value: Value, line: int) -> None:
    """Note that a module's function is replaced. Later calls of it call the other one."""
    guard = value.kind != MOCK and _GUARDS.search(f"{module}.{name}")
    rule, what = (PATCHES_GUARD, ", which guards something,") if guard else (PATCHES, "")
    evaluator.reading.add(rule, f"This replaces {module}.{name or '…'}{what} by something else.", line)
    if name == "_create_default_https_context":
        evaluator.facts.add("unchecked")
    evaluator.bind(name if module == "builtins" else f"{module}.{name}", value)


def note_options(made: Call, callee: Value) -> None:
    """Note arguments that switch a check off."""
    name = callee.name or f"{made.base.kind}.{made.method}"
    if name.split(".")[0] in COMPUTING:
        return
    off = [key for key, value in made.keywords.items() if _is_off(key, value)]
    off += [key for value in made.keywords.values() for key, part in value.fields or () if _is_off(key, part)]
    if "ssl" in made.keywords and name.startswith("aiohttp.") and made.keywords["ssl"].name == "builtins.False":
        off.append("ssl")
    if made.method == "set_missing_host_key_policy" and made.arguments:
        policy = made.arguments[0].name or made.arguments[0].kind
        off += [policy] if policy.endswith(_TRUSTS) else []
    if off:
        _add(made.evaluator, off[0], made.line)


def note_assigned(evaluator: Evaluator, name: str, value: Value, line: int, owner: Value = ANY) -> None:
    """Note an attribute that switches a check off."""
    if _is_off(name, value):
        _add(evaluator, name, line)
    elif name in _POWERS and value.name == "builtins.True" and not owner.kind.startswith("own."):
        evaluator.reading.add(GIVES_POWER, f"This sets {name}: somebody becomes an administrator.", line)
    elif owner.kind.startswith(("win32com.", "wmi.", "comtypes.")) and _PROTECTS.search(name):
        off = value.name == "builtins.False" or value.number == 0 or value.text in ("0", "False")
        turns = bool(re.match(r"disable|allow|exclu", name, re.IGNORECASE))
        if off != turns or re.match(r"exclu", name, re.IGNORECASE):
            evaluator.reading.add(PROTECTION, f"This sets {name}: something that protects the machine is off.", line)


_POWERS = ("is_superuser", "is_staff", "is_admin", "is_root", "is_owner", "superuser", "site_admin")
_PROTECTS = re.compile(
    r"firewall|defaultinboundaction|blockallinbound|realtime|antivirus|disable\w*(?:monitoring|protection|scan)|exclusion"
    r"|notificationsdisabled|smartscreen|automaticupdate|\benabled\b|restrict",
    re.IGNORECASE,
)


def _is_off(name: str, value: Value) -> bool:
    if name in _CHECKS:
        return value.name == "builtins.False"
    return name in _MODES and (value.text == "CERT_NONE" or value.name == "ssl.CERT_NONE" or value.number == 0)


def _add(evaluator: Evaluator, name: str, line: int) -> None:
    outer = evaluator.reading.outer_line(line)
    if not any(found.rule == UNCHECKED.id and found.line == outer for found in evaluator.reading.findings[-20:]):
        words = f"This does not check the other side ({name}), so anybody between can read and change what is sent."
        evaluator.reading.add(UNCHECKED, words, line)
