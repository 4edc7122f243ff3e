"""Accounts and groups of a machine, and of a domain."""

from __future__ import annotations

import re

from app.risk.commands.options import arguments_of
from app.risk.commands.table import Command, program
from app.risk.effects import ACCESS, Act, act_on
from app.risk.groups import rules_domain, rules_unix_machine
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel
ACCOUNTS = declare(
    "machine.accounts",
    HIGH,
    "Changes accounts, groups, or passwords of the machine.",
    "useradd ada",
    "id ada",
    language="shell",
)


_DIRECTORIES = word_set("samba-tool ipa adcli realm kadmin kadmin.local")


def _rules_directory(texts: list[str]) -> bool:
    return any(rules_domain(text) or text.lower() == "admins" for text in texts)


@program(
    *word_set(
        "useradd adduser usermod userdel deluser groupadd addgroup groupmod groupdel delgroup gpasswd passwd chpasswd "
        "chgpasswd newusers chage chsh chfn vipw vigr visudo pwconv pwunconv grpconv faillock pam-auth-update "
        "authconfig authselect sysadminctl dseditgroup dscl pw lpasswd smbpasswd pdbedit htpasswd realm adcli kadmin "
        "kadmin.local ipa samba-tool newgrp saslpasswd2 nischpasswd"
    )
)
def _accounts(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments,
        "-u -g -G -s -d -c -e -p -k -f -M -A -n -D -w -h -H -b --uid --gid --groups --shell --home --ingroup -K",
    )
    if given.exactly("--help", "--version", "-h") and not given.value("-h"):
        return
    texts = [word.text for word in given.operands]
    name = command.name
    if (
        (name == "passwd" and given.exactly("-S", "--status"))
        or (name == "chage" and given.exactly("-l", "--list"))
        or (name == "visudo" and given.exactly("-c", "--check"))
        or (
            name in ("dscl", "pdbedit", "realm", "ipa", "samba-tool", "faillock")
            and re.search(
                r"read|list|-L|show|find|search|discover", " ".join([*texts, *(option for option, _ in given.options)])
            )
        )
    ):
        return
    typed = (
        command.input is not None
        or command.input_from
        or {"EDITOR", "VISUAL", "SUDO_EDITOR"} & set(command.environment)
    )
    if name in ("visudo", "vipw", "vigr") and typed:
        reading.add(
            ACCESS, f"This edits by {name}, with nobody at the keyboard, who is an administrator.", command.line
        )
        return
    shown = ", ".join(word.display for word in given.operands[:3])
    groups = [value.text for value in given.values("-G", "--groups", "-a", "-g")]
    privileged = any(rules_unix_machine(text) for text in [*groups, *texts[1:]])
    if name == "htpasswd":
        for word in given.operands[:1]:
            act_on(reading, Act.WRITE, word)
        return
    if name == "passwd" and given.has("-d", "--delete"):
        reading.add(
            ACCOUNTS,
            f"This takes the password of {shown or 'an account'} away: anybody may sign in.",
            command.line,
            CRITICAL,
        )
    elif name in _DIRECTORIES and any("add" in text for text in texts) and _rules_directory(texts):
        reading.add(ACCOUNTS, f"This makes an administrator of the domain: {name} {shown}.", command.line, CRITICAL)
    elif privileged:
        reading.add(ACCOUNTS, f"This makes {shown} an administrator of the machine.", command.line)
    elif name in ("groupadd", "addgroup", "newgrp", "chfn") or (
        reading.options.get("image") and name in ("useradd", "adduser", "usermod", "groupmod", "chsh")
    ):
        reading.add(ACCOUNTS, f"This changes groups of the machine: {shown}.", command.line, MEDIUM)
    else:
        what = "deletes accounts or groups" if re.search(r"del", name) else "changes accounts, groups, or passwords"
        reading.add(ACCOUNTS, f"This {what} of the machine: {name} {shown}.".replace(" .", "."), command.line)
