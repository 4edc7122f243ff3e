"""Command lines of clouds: aws, gcloud, az, and others."""

from __future__ import annotations

import re

from app.risk.commands.cloud_rules import (
    ACCESS,
    ADMIN,
    CHANGES,
    CREATES,
    DELETES,
    GONE,
    Deed,
    expires_everything,
    judge,
)
from app.risk.commands.known_files import file_content, landed, note_download
from app.risk.commands.options import Arguments
from app.risk.commands.sending import sends_file
from app.risk.commands.table import Command, program
from app.risk.effects import Act, act_on, connect, run_dynamic
from app.risk.places import Place, place_of
from app.risk.reading import Reading
from app.risk.rules import RiskRule, word_set
from app.risk.words import Word
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

_FLAGS = word_set(
    "--debug --no-verify-ssl --no-paginate --no-sign-request --no-cli-pager --quiet -q --force -f --recursive "
    "--delete --dryrun --dry-run "
    "--yes -y --no-wait --verbose --help --version --all --with-decryption --skip-final-snapshot "
    "--no-skip-final-snapshot --acl-public "
    "--async --only-show-errors --purge --include-global --delete-automated-backups "
    "--force-delete-without-recovery --uri --flatten-x "
    "--bypass-policy-lockout-safety-check --cascade --ignore-not-found --no-fail-on-empty-changeset --prod "
    "--confirm --no-confirm -r"
)
"""Options without a value; others take the word after them, unless that is an option, too."""


def split(command: Command) -> Arguments:
    """Split arguments without knowing the options: what follows one is its value, as with all clouds' programs."""
    found = Arguments()
    pending = list(command.arguments)
    place = 0
    while place < len(pending):
        word = pending[place]
        place += 1
        if not word.text.startswith("-") or len(word.text) < 2:
            found.operands.append(word)
            continue
        name, equals, value = word.text.partition("=")
        if equals:
            found.options.append((name, word.with_text(value)))
        elif name in _FLAGS or name.startswith("--no-") or place == len(pending) or pending[place].text.startswith("-"):
            found.options.append((name, None))
        else:
            found.options.append((name, pending[place]))
            place += 1
    return found


def whole_of(command: Command, given: Arguments) -> str:
    texts = [word.text for word in given.operands]
    for name, value in given.options:
        texts.append(f"{name} {value.text if value else ''}")
    return " ".join(texts)[:8_000].lower()


_NAMES_FILE = re.compile(r"(?:fileb?://|@)(.+)")


def _written(given: Arguments, reading: Reading) -> str:
    """Return what files hold that are named among the arguments, as far as the code itself has written them."""
    texts = []
    for word in [*given.operands, *(value for _, value in given.options if value is not None)]:
        named = _NAMES_FILE.fullmatch(word.text)
        content = file_content(reading, word.with_text(named[1])) if named else None
        if content is not None and content.known:
            texts.append(content.text.lower())
    return " ".join(texts)[:8_000]


def is_dry(given: Arguments) -> bool:
    """Return True if an option says that nothing is to happen."""
    if not given.operands and given.exactly("--version"):
        return True
    return given.harmless(
        "--dry-run",
        "--dryrun",
        "--what-if",
        "--validate-only",
        "--generate-cli-skeleton",
        "--help",
    )


def common(command: Command, reading: Reading) -> Arguments | None:
    """Return the arguments of a cloud's program; None if nothing is left to read."""
    given = split(command)
    for name in ("--endpoint-url", "--endpoint"):
        if (value := given.value(name)) is not None:
            connect(reading, value, sends=True)
    if not given.operands or is_dry(given):
        return None
    if not given.operands[0].known:
        run_dynamic(reading, given.operands[0])
        return None
    if not all(word.known for word in given.operands) or not all(
        value is None or value.known for _, value in given.options
    ):
        reading.doubt()
    return given


@program("aws", "awslocal")
def _aws(command: Command, reading: Reading) -> None:
    given = common(command, reading)
    if given is None:
        return
    service = given.operands[0].text.lower()
    verb = given.operands[1].text.lower() if len(given.operands) > 1 else ""
    if service == "s3" and verb:
        _s3(given, verb, command, reading)
        return
    if service == "help" or verb in ("help", "wait"):
        return
    if service == "configure":
        _configure(given, verb, command, reading)
        return
    for value in given.values(
        "--template-body", "--policy-document", "--user-data", "--cli-input-json", "--cli-input-yaml"
    ):
        if value.text.startswith("file://"):
            act_on(reading, Act.READ, value.with_text(value.text[7:]))
            reading.doubt()
    whole = f"{whole_of(command, given)} {_written(given, reading)}".strip()
    judge(Deed(verb, service, whole, command.line, "aws"), reading)
    if "lifecycle" in verb and expires_everything(whole):
        reading.add(GONE, "After a few days, everything in the bucket is deleted.", command.line)
    _aws_specials(service, verb, given, command, reading)


_SPECIALS: list[tuple[str, RiskRule, RiskLevel | None, str]] = [
    (
        r"kms (?:schedule-key-deletion|disable-key|delete-imported-key-material)",
        GONE,
        None,
        "This takes away a key: what is encrypted with it can no longer be read.",
    ),
    (
        r"organizations (?:leave|close-account|remove-account|delete)",
        GONE,
        None,
        "This takes an account out of the organization.",
    ),
    (r"route53 change-resource-record-sets", CHANGES, None, "This changes which names lead where."),
    (
        r"s3api "
        r"(?:put-bucket-(?:acl|policy|public-access-block|website|cors)|put-object-acl|put-public-access-block"
        r"|delete-public-access-block"
        r"|delete-bucket-policy|put-bucket-ownership-controls)",
        ACCESS,
        None,
        "This changes who may reach the bucket.",
    ),
    (
        r"s3api "
        r"(?:put-bucket-(?:lifecycle\S*|versioning|replication|object-lock\S*)|delete-bucket-(?:encryption"
        r"|replication))",
        GONE,
        HIGH,
        "This changes how long data of the bucket is kept.",
    ),
    (r"s3api delete-objects?", GONE, HIGH, "This deletes objects of the bucket."),
    (
        r"dynamodb (?:delete-item|batch-write-item|update-item|put-item)",
        CHANGES,
        MEDIUM,
        "This changes items of a table.",
    ),
    (
        r"iam "
        r"(?:create-access-key|create-login-profile|update-login-profile|update-assume-role-policy"
        r"|create-policy-version|add-user-to-group"
        r"|put-(?:user|role|group)-policy|set-default-policy-version|deactivate-mfa-device"
        r"|delete-account-password-policy)",
        ACCESS,
        None,
        "This changes who may do what in the account.",
    ),
    (r"ec2 modify-(?:snapshot|image)-attribute.*(?:all|add)", ACCESS, None, "This shares disks or images with others."),
    (r"autoscaling .*desired-capacity 0", CHANGES, None, "This takes all machines of the group away."),
    (r"ecs update-service.*--desired-count 0", CHANGES, None, "This takes the service down."),
]


def _aws_specials(service: str, verb: str, given: Arguments, command: Command, reading: Reading) -> None:
    text = f"{service} {verb} {whole_of(command, given)}"
    for pattern, rule, level, message in _SPECIALS:
        if re.match(pattern, text):
            reading.add(rule, message, command.line, level)
    if service == "rds" and verb.startswith("delete-db-") and given.exactly("--skip-final-snapshot"):
        reading.add(GONE, "This deletes the database, and takes no last copy of it.", command.line)


def _configure(given: Arguments, verb: str, command: Command, reading: Reading) -> None:
    if verb in ("list", "list-profiles"):
        return
    if verb == "get" and not any(re.search(r"secret|key|token", word.text) for word in given.operands[2:]):
        return
    if verb in ("get", "export-credentials"):
        judge(Deed("get", "configure", "configure get", command.line, "aws"), reading)
    else:
        reading.add(
            ACCESS, "This changes which account or keys are used.", command.line, MEDIUM if verb == "set" else None
        )


_S3 = re.compile(r"(?:s3|gs|az|b2|oss|cos|minio)://", re.IGNORECASE)


def _s3(given: Arguments, verb: str, command: Command, reading: Reading) -> None:
    words = given.operands[2:]
    reading.touch(objects=[word.text for word in words if _S3.match(word.text)])
    if verb in ("ls", "presign", "website"):
        if verb != "ls":
            reading.add(
                ACCESS,
                "Anybody who has the address can read this object.",
                command.line,
                MEDIUM if verb == "presign" else None,
            )
        return
    if verb == "rb":
        forced = given.exactly("--force")
        reading.add(
            GONE,
            "This deletes a bucket" + (" with all that is in it." if forced else "."),
            command.line,
            None if forced else HIGH,
        )
    elif verb == "rm":
        if given.exactly("--recursive"):
            reading.add(
                GONE, f"This deletes everything in {words[0].display if words else 'the bucket'}.", command.line
            )
        else:
            reading.add(DELETES, "This deletes an object.", command.line, MEDIUM)
    elif verb == "mb":
        reading.add(CREATES, "This creates a bucket.", command.line)
    else:
        copies(words, given, verb, command, reading)


def copies(words: list[Word], given: Arguments, verb: str, command: Command, reading: Reading) -> None:
    """Note that objects are copied between a store of a cloud and this machine, or within the store."""
    if len(words) < 2:
        return
    source, target = words[0], words[-1]
    there = bool(_S3.match(target.text))
    secret = False
    if not _S3.match(source.text):
        secret = sends_file(source, command, reading)
    if there:
        shared = re.search(
            r"public|authenticated-read", (given.value("--acl", "--predefined-acl", "-a") or Word("")).text
        )
        connect(reading, target, sends=True, secret=secret)
        if shared:
            lost = command.input_from in ("dump", "secret")
            says = "This lets everybody read what is copied."
            reading.add(ADMIN if lost else ACCESS, says, command.line)
        if secret or place_of(source.text) in (Place.SECRET, Place.HOME):
            reading.add(ADMIN, "This copies secrets out.", command.line) if not secret else None
    else:
        connect(reading, source) if _S3.match(source.text) else None
        if target.text != "-":
            act_on(reading, Act.WRITE, target)
            if _S3.match(source.text):
                note_download(reading, landed(source, target))
    if given.exactly(
        "--delete", "-d", "--delete-unmatched-destination-objects", "--delete-excluded", "--delete-removed"
    ):
        reading.add(GONE, f"This deletes at {target.display} whatever is not in the source.", command.line, HIGH)
    if verb in ("mv", "move", "rename") and _S3.match(source.text):
        reading.add(
            DELETES,
            f"This moves {source.display} away.",
            command.line,
            HIGH if given.exactly("--recursive") else MEDIUM,
        )
