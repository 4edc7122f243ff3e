"""Cmdlets that are in no table: their verb says what they do, and their noun how bad that is."""

from __future__ import annotations

import re

from app.risk.effects import UNKNOWN
from app.risk.powershell.call import Call, run_blocks
from app.risk.powershell.found import found_by
from app.risk.powershell.rules import CLOUD, CLOUD_GONE, CLOUD_NEW, CRITICAL, HIGH, MEDIUM, READS_UNKNOWN
from app.risk.powershell.table import gives_all, target_of
from app.risk.powershell.values import Value
from app.risk.rules import word_set

READING_VERBS = word_set(
    """
    get test measure select where format convert convertfrom convertto compare find search resolve show read
    group sort join split write trace watch wait out assert confirm expand debug limit skip step
    ping receive use
    """
)
DESTRUCTIVE_VERBS = word_set(
    "remove clear uninstall disable revoke delete destroy purge wipe erase terminate kill shutdown drop"
)
_CLOUD = re.compile(r"(?:az|azurerm|azuread|aad|mg|ec2|s3|rds|iam|cfn|lm|ddb|ecs|eks|r53|gcs|gce|oci)[a-z0-9]", re.I)
_DATA = re.compile(
    r"az.*(?:resourcegroup|vm|vmss|disk|snapshot|storage.*|sql.*|cosmos.*|keyvault.*|aks.*|recoveryservices.*|backup.*"
    r"|managementgroup|subscription|mysql.*|postgresql.*|redis.*|webapp|functionapp|container.*|dataprotection.*)"
    r"|ec2(?:instance|volume|snapshot|vpc)|s3(?:bucket|object)|rds.*|cfnstack|ddbtable|ecs.*|eks.*|efs.*|r53hostedzone"
    r"|gce(?:instance|disk)|gcs(?:bucket|object)|mg(?:user|group|organization|site|domain|application)",
    re.IGNORECASE,
)


def unknown_cmdlet(call: Call) -> Value:
    """Note what an unknown cmdlet may do."""
    verb, _, noun = call.name.partition("-")
    call.reading.touch(commands=[call.name])
    run_blocks(call)
    if _CLOUD.match(noun):
        return _cloud(call, verb, noun)
    if verb in READING_VERBS:
        call.reading.add(READS_UNKNOWN, f"{call.shown} is not known. By its name, it only reads.", call.line)
        return found_by(call)
    every = target_of(call)[3] and verb in ("remove", "clear", "delete", "destroy", "purge", "wipe", "erase", "reset")
    every |= verb in ("add", "grant", "new", "set") and gives_all(call)
    level = CRITICAL if every else HIGH if verb in DESTRUCTIVE_VERBS else MEDIUM
    call.reading.add(UNKNOWN, f"What {call.shown} does is not known.", call.line, level)
    return Value(origin=call.origins())


def _cloud(call: Call, verb: str, noun: str) -> Value:
    """The cloud's modules have thousands of cmdlets, all named alike."""
    if verb in READING_VERBS:
        return found_by(call)
    if verb in ("remove", "clear", "stop", "uninstall", "disable", "revoke", "reset"):
        gone = verb in ("remove", "clear") and _DATA.fullmatch(noun)
        rule, words = (CLOUD_GONE, "deletes what is kept") if gone else (CLOUD, "stops or deletes something")
        every = verb in ("remove", "clear") and target_of(call)[3]
        call.reading.add(rule, f"{call.shown} {words} in a cloud account.", call.line, CRITICAL if every else None)
    elif verb in ("new", "add", "set", "update", "start", "restart", "enable", "tag", "publish", "import", "write",
                  "edit", "register", "invoke", "send", "copy", "save", "move", "connect", "deploy"):  # fmt: skip
        rights = re.search(r"role|policy|permission|access|firewall|security|credential|password|key", noun)
        call.reading.add(CLOUD if rights else CLOUD_NEW, f"{call.shown} changes a cloud account.", call.line)
    else:
        call.reading.add(UNKNOWN, f"What {call.shown} does is not known.", call.line)
    return Value(origin=call.origins())
