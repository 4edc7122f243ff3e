"""Stores of secrets: vault, sops, and their like."""

from __future__ import annotations

import re

from app.risk.commands.options import arguments_of
from app.risk.commands.subcommands import Program
from app.risk.commands.table import Command, program
from app.risk.effects import Act, act_on, run_unread
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

SECRET = declare(
    "vault.secret",
    HIGH,
    "Reads secrets from a store of secrets.",
    "vault kv get secret/db",
    "vault status",
    language="shell",
)
STORE = declare(
    "vault.changes", HIGH, "Changes a store of secrets.", "vault kv put secret/db a=b", "vault status", language="shell"
)
STORE_GONE = declare(
    "vault.deletes",
    CRITICAL,
    "Deletes secrets for good, or closes the store.",
    "vault secrets disable kv",
    "vault secrets list",
    language="shell",
)

VAULT = Program(
    "vault",
    "bao",
    values="-address -namespace -field -format -mount -path -ca-cert -token -method "
    "-policy -ttl -wrap-ttl -version -versions -role",
    single_dash=True,
    helps="-help --help -h -version --version",
)
VAULT.reads(
    "status, version, list, kv list, secrets list, auth list, policy list, policy read, audit list, token "
    "capabilities, kv metadata get, "
    "operator members, path-help, plugin list, namespace list, lease lookup, token lookup, operator raft "
    "list-peers, operator key-status"
)
VAULT.does(
    SECRET,
    "This reads secrets: {what}.",
    "read, kv get, unwrap, print token, operator raft snapshot save, agent, proxy, ssh, pki issue",
)
VAULT.does(
    STORE,
    "This changes the store of secrets: {what}.",
    "write, kv put, kv patch, kv rollback, kv "
    "undelete, kv enable-versioning, secrets enable, "
    "secrets move, secrets tune, auth enable, auth tune, auth move, policy write, policy fmt, token create, "
    "token renew, token revoke, lease renew, "
    "lease revoke, login, audit enable, operator unseal, operator rotate, operator init, plugin register, "
    "namespace create, kv metadata put, patch, "
    "server, events, transit import, transit, pki, namespace patch, operator migrate, operator raft join, "
    "operator diagnose",
)
VAULT.does(
    STORE_GONE,
    "This deletes secrets, or takes the store away from those who use it: {what}.",
    "delete, kv "
    "delete, kv destroy, kv metadata delete, "
    "secrets disable, auth disable, policy delete, audit disable, operator seal, operator rekey, operator "
    "generate-root, operator step-down, "
    "operator raft remove-peer, operator raft snapshot restore, plugin deregister, namespace delete, "
    "namespace lock, lease revoke -prefix",
)
VAULT.option("lease revoke", "-prefix -force", STORE_GONE, "This takes access away from everybody under {what}.")
VAULT.does(STORE, "This deletes a version of a secret, which can be taken back.", "kv delete-version")


@program(
    *word_set(
        "sops age git-crypt transcrypt doppler infisical dotenvx dotenv chamber-cli berglas teller envconsul summon "
        "kubeseal-cli"
    )
)
def _secrets(command: Command, reading: Reading) -> None:
    texts = [word.text for word in command.arguments]
    words = [text for text in texts if not text.startswith("-")]
    if command.name in ("sops", "age") and ({"-d", "--decrypt", "decrypt", "exec-env", "exec-file"} & set(texts)):
        reading.add(SECRET, "This decrypts secrets.", command.line)
    elif words[:1] and words[0] in ("run", "exec"):
        run_unread(reading, "a program with the project's secrets", command.line)
    elif re.search(r"\b(?:get|download|export|unlock|reveal|show|secrets|ls|decrypt|access)\b", " ".join(words)):
        reading.add(SECRET, "This reads secrets.", command.line)
    else:
        reading.add(STORE, "This changes or encrypts secrets.", command.line, MEDIUM)
        output = arguments_of(command.arguments, "-o --output -r --recipient").value("-o", "--output")
        if output is not None:
            act_on(reading, Act.WRITE, output)
