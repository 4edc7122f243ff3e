"""Programs for object stores and backups: gsutil, rclone, restic, and their like."""

from __future__ import annotations

import re

from app.risk.commands.cloud_rules import (
    ACCESS,
    CHANGES,
    CREATES,
    DELETES,
    GONE,
)
from app.risk.commands.clouds import is_dry
from app.risk.commands.options import Arguments, arguments_of
from app.risk.commands.sending import sends_file
from app.risk.commands.table import Command, program
from app.risk.effects import Act, act_on, connect, run_unread
from app.risk.reading import Reading
from app.risk.rules import word_set
from app.risk.words import Word
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel


def read_store(verb: str, given: Arguments, words: list[Word], command: Command, reading: Reading) -> None:
    if verb in (
        "ls",
        "cat",
        "du",
        "stat",
        "hash",
        "version",
        "list",
        "lsd",
        "lsl",
        "lsf",
        "size",
        "tree",
        "check",
        "cryptcheck",
        "md5sum",
        "about",
        "listremotes",
        "ncdu",
        "info",
        "la",
        "objects",
        "describe",
    ):
        return
    reading.touch(objects=[word.text for word in words if ":" in word.text])
    if verb in (
        "rm",
        "rb",
        "del",
        "delete",
        "purge",
        "rmdir",
        "rmdirs",
        "deletefile",
        "cleanup",
        "buckets",
        "dedupe",
        "expire",
        "remove",
    ):
        many = given.exactly("-r", "-R", "--recursive", "-a", "--force", "-rf") or verb in (
            "purge",
            "delete",
            "buckets",
            "rb",
        )
        many = many or any("*" in word.text for word in words)
        if verb == "buckets" and not any(word.text == "delete" for word in words):
            reading.add(CREATES, "This creates or changes a bucket.", command.line)
            return
        reading.add(
            GONE if many else DELETES, "This deletes objects of a store.", command.line, None if many else MEDIUM
        )
    elif verb in ("mb", "mkdir", "create", "touch"):
        reading.add(CREATES, "This creates a bucket or a folder.", command.line)
    elif verb in (
        "iam",
        "acl",
        "defacl",
        "setacl",
        "setpolicy",
        "delpolicy",
        "cors",
        "web",
        "signurl",
        "hmac",
        "kms",
        "link",
        "config",
        "sign",
    ):
        opened = any(
            re.search(r"allusers|public|AllUsers", word.text, re.IGNORECASE)
            for word in [*words, *(value for _, value in given.options if value)]
        )
        if any(word.text in ("get", "show", "list", "ls") for word in words[:1]):
            return
        reading.add(
            ACCESS,
            "This changes who may reach a store" + (", and opens it to everybody." if opened else "."),
            command.line,
        )
    elif verb in (
        "cp",
        "mv",
        "rsync",
        "sync",
        "copy",
        "move",
        "copyto",
        "moveto",
        "put",
        "get",
        "bisync",
        "copyurl",
        "rcat",
        "mirror",
        "pipe",
    ):
        _transfers(verb, given, words, command, reading)
    else:
        reading.add(CHANGES, f"This changes a store: {verb}.", command.line)


def _transfers(verb: str, given: Arguments, words: list[Word], command: Command, reading: Reading) -> None:
    secret = command.input_from == "secret" and verb in ("rcat", "pipe", "put", "cp")
    for word in words[:-1] if len(words) > 1 else []:
        remote = re.match(r"[\w.-]{2,}:", word.text)
        if not remote:
            secret |= sends_file(word, command, reading)
    target = words[-1] if words else Word("a store", command.line)
    if re.match(r"[\w.-]{2,}:", target.text):
        connect(
            reading,
            target.with_text(target.text.replace(":", "://x", 1) if "://" not in target.text else target.text),
            sends=True,
            secret=secret,
        )
    else:
        act_on(reading, Act.WRITE, target)
    if (verb in ("sync", "mirror", "bisync") and command.name == "rclone") or given.exactly(
        "-d", "--delete-removed", "--delete-unmatched-destination-objects", "--remove"
    ):
        reading.add(GONE, f"This deletes at {target.display} whatever is not in the source.", command.line, HIGH)
    if verb in ("mv", "move", "moveto"):
        reading.add(DELETES, "This moves objects away from where they were.", command.line, MEDIUM)


@program(
    *word_set(
        "gsutil s3cmd s5cmd rclone mc b2 azcopy ossutil s4cmd swift-client rustic restic borg duplicity kopia "
        "tmutil timeshift snapper rsnapshot rdiff-backup bup bacula rsnap"
    )
)
def _stores(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments,
        "-h -o -c --config --access_key --secret_key --host --endpoint-url --acl --transfers --filter --exclude "
        "--include --repo --password-file --keep-last --keep-daily --keep-weekly --keep-monthly --tag"
        + (" -r -p --repository-file" if command.name in ("restic", "rustic") else ""),
    )
    if is_dry(given) or given.harmless("-n"):
        return
    if not given.operands and command.name == "timeshift":
        options = [option.lstrip("-") for option, _ in given.options]
        _backup(options[0] if options else "list", given, command, reading)
        return
    if not given.operands:
        return
    verb, words = given.operands[0].text.lower(), given.operands[1:]
    if given.has("--password-command", "--ssh-command", "--rsh", "--remote-path"):
        run_unread(reading, "the program that an option names", command.line)
    if command.name in _BACKUPS:
        _backup(verb, given, command, reading)
    else:
        read_store(verb, given, words, command, reading)


_BACKUPS = word_set(
    "restic borg duplicity kopia rustic tmutil timeshift snapper rsnapshot rdiff-backup bup bacula rsnap"
)


def _backup(verb: str, given: Arguments, command: Command, reading: Reading) -> None:
    if verb in (
        "snapshots",
        "list",
        "ls",
        "stats",
        "diff",
        "check",
        "find",
        "info",
        "cat",
        "version",
        "verify",
        "show",
        "status",
        "dump",
        "mount",
    ) or re.match(r"list|show|status|latest|destinationinfo|check|verify", verb):
        return
    if re.search(r"delete|remove|thin|undochange|disable|purge", verb) or given.has("--delete", "--delete-all"):
        reading.add(GONE, "This deletes backups or restore points, or turns them off.", command.line)
    elif verb in (
        "forget",
        "prune",
        "delete",
        "remove-older-than",
        "remove-all-but-n-full",
        "purge",
        "compact",
        "expire",
        "snapshot",
    ):
        level = CRITICAL if given.exactly("--prune") or verb in ("delete", "purge") else HIGH
        reading.add(GONE, "This deletes backups.", command.line, level)
    elif verb in ("restore", "recover", "extract"):
        reading.add(CHANGES, "This writes files back from a backup.", command.line)
    elif verb in (
        "key",
        "rekey",
        "change-passphrase",
        "unlock",
        "break-lock",
        "rebuild-index",
        "repair",
        "recover-key",
    ):
        reading.add(ACCESS, "This changes who can read the backups, or repairs them.", command.line)
    elif verb in (
        "backup",
        "create",
        "startbackup",
        "full",
        "incr",
        "save",
        "init",
        "snapshot",
        "sync",
        "daily",
        "weekly",
    ):
        reading.add(CREATES, "This makes a backup.", command.line, LOW)
    else:
        reading.add(CREATES, f"What {command.name} {verb[:40]} does is not known.", command.line, MEDIUM)
        reading.doubt()
