"""The smaller parts of an MSI: features, services, launch conditions, upgrades, and restarts."""

from __future__ import annotations

import re

from workflows.package_deployment.analysis import Condition, Feature, Service, Upgrade
from workflows.package_deployment.installers.msi_actions import EXECUTE_SEQUENCE
from workflows.package_deployment.installers.msi_database import Database, text_of
from workflows.package_deployment.installers.texts import LONGEST_NAME, clean

MOST_ROWS = 2_000
_ONLY_DETECTS = 0x2
_STARTS = {0: "boot", 1: "system", 2: "automatic", 3: "manual", 4: "disabled"}
_CONTROLS = {
    0x01: "starts it on installation", 0x02: "stops it on installation", 0x08: "deletes it on installation",
    0x10: "starts it on removal", 0x20: "stops it on removal", 0x80: "deletes it on removal",
}  # fmt: skip
_REFERENCE = re.compile(r"\[([A-Za-z_][A-Za-z0-9_.]*)\]")


def filled(text: str, properties: dict[str, str]) -> str:
    """Return a text with the values of the properties that it names in brackets, as far as the MSI has them."""
    return clean(_REFERENCE.sub(lambda found: properties.get(found[1], found[0])[:LONGEST_NAME], text))


def read_features(database: Database) -> list[Feature]:
    """Read the Feature table."""
    return [
        Feature(name=text_of(row, "Feature"), title=text_of(row, "Title"),
                parent=text_of(row, "Feature_Parent"), level=row.get("Level"))
        for row in database.rows("Feature")[:MOST_ROWS]
    ]  # fmt: skip


def read_services(database: Database, properties: dict[str, str]) -> list[Service]:
    """Read the services that the MSI installs, and what it does with them. Drivers count as services, too."""
    controls: dict[str, list[str]] = {}
    for row in database.rows("ServiceControl")[:MOST_ROWS]:
        done = [words for bit, words in _CONTROLS.items() if (row.get("Event") or 0) & bit]
        controls.setdefault(filled(text_of(row, "Name"), properties).lower(), []).extend(done)
    found = []
    for row in database.rows("ServiceInstall")[:MOST_ROWS]:
        name = filled(text_of(row, "Name"), properties)
        found.append(Service(
            name=name, display_name=filled(text_of(row, "DisplayName"), properties),
            start=_STARTS.get(row.get("StartType") or 0, ""),
            account=filled(text_of(row, "StartName"), properties),
            arguments=text_of(row, "Arguments"), control=list(dict.fromkeys(controls.get(name.lower(), []))),
        ))  # fmt: skip
    return found


def read_conditions(database: Database, properties: dict[str, str]) -> list[Condition]:
    """Read the launch conditions."""
    return [
        Condition(condition=text_of(row, "Condition"),
                  message=filled(text_of(row, "Description"), properties))
        for row in database.rows("LaunchCondition")[:MOST_ROWS]
    ]  # fmt: skip


def read_upgrades(database: Database) -> list[Upgrade]:
    """Read the Upgrade table."""
    return [
        Upgrade(upgrade_code=text_of(row, "UpgradeCode").upper(), lowest=text_of(row, "VersionMin"),
                highest=text_of(row, "VersionMax"),
                only_detects=bool((row.get("Attributes") or 0) & _ONLY_DETECTS))
        for row in database.rows("Upgrade")[:MOST_ROWS]
    ]  # fmt: skip


def read_restarts(database: Database, properties: dict[str, str]) -> str:
    """Return what the MSI says about restarting the computer, in a sentence; empty: nothing."""
    rows = {str(row.get("Action")): text_of(row, "Condition") for row in database.rows(EXECUTE_SEQUENCE)}
    value = properties.get("REBOOT", "")
    found = []
    if "ForceReboot" in rows:
        found.append(f"It restarts during the installation (ForceReboot){_on(rows['ForceReboot'])}.")
    if "ScheduleReboot" in rows:
        found.append(f"It asks for a restart at the end (ScheduleReboot){_on(rows['ScheduleReboot'])}.")
    if value[:1].upper() == "F":
        found.append("It always asks for a restart at the end (REBOOT is Force).")
    return " ".join(found)


def _on(condition: str) -> str:
    return f" if {condition}" if condition and condition != "1" else ""
