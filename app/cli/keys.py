"""`assent keys`: the keys that encrypt stored files and secrets."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

import click

from app.cli.actors import operator, use_cases
from app.cli.context import as_json, print_json, print_table
from app.services.bundle import Services
from app.services.key_rotation import KeyRotation, KeyUse, check_keys
from app.services.vault.ring import KEY_FILE, EncryptionKey, new_key, parse_keys
from app.settings import PREFIX, Settings, SettingsError, load_settings


@click.group()
def keys() -> None:
    """Keys that encrypt stored files, and the addresses and secrets of destinations."""


@keys.command("new")
@click.option("--print", "only_print", is_flag=True, help="Print the key instead of adding it to the key file.")
def new(only_print: bool) -> None:
    """Make a new key. In a key file, it encrypts from now on, and the older ones still decrypt."""
    settings = load_settings()
    key = new_key()
    if only_print or settings.encryption_keys:
        click.echo(key)
        given = f"{PREFIX}ENCRYPTION_KEYS" if settings.encryption_keys else "the key file"
        click.echo(f"Put it into {given}: first behind the others, on all machines, and then in front.", err=True)
        return
    file = _key_file(settings)
    _add(file, key)
    [added] = parse_keys(key, "")
    click.echo(f"Added the key {added.id} to {file}. It encrypts from now on; back the file up.")
    click.echo("Machines that do not share this file need the key as well. Then run: assent keys rotate")


@keys.command("list")
@as_json
def list_keys(as_json: bool) -> None:
    """List the keys, and how much is encrypted with each."""
    with use_cases() as (_settings, services):
        use, ring = _rotation(services).use(), services.vault.ring
        rows = [_row(key, use, "encrypts" if number == 0 else "decrypts") for number, key in enumerate(ring.keys)]
        known = {key.id for key in ring.keys}
        rows += [(key_id, "", use.parts[key_id], use.values[key_id], "missing") for key_id in sorted(use.ids - known)]
        if older := (use.parts[""], use.values[""]) != (0, 0):
            rows.append(("", "", use.parts[""], use.values[""], "from before there were keys"))
    if as_json:
        names = ("key", "from", "parts", "values", "state")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    print_table(("KEY", "FROM", "PARTS OF FILES", "VALUES", "STATE"), rows, "There are no keys.")
    if older or use.left(rows[0][0] if rows else ""):
        click.echo("To encrypt everything with the first key: assent keys rotate")


@keys.command("rotate")
def rotate() -> None:
    """Encrypt everything with the first key. It can be stopped and repeated at any time, while the portal runs."""
    with use_cases() as (_settings, services):
        check_keys(services.sessions, services.vault.ring)
        rotation, primary = _rotation(services), services.vault.ring.primary
        done, left = _rotate(rotation, primary.id)
        use = rotation.use()
        rotation.note(operator(), primary.id, done, left)
        unused = [key.id for key in services.vault.ring.keys[1:] if key.id not in use.ids]
    click.echo(f"Encrypted {done:,} parts and values with the key {primary.id}.")
    if left:
        click.echo(
            f"{left:,} are left: they cannot be read, or a process with older keys has just written them.", err=True
        )
        sys.exit(1)
    if unused:
        click.echo(f"Nothing is encrypted with {', '.join(unused)} any more.")


def _rotate(rotation: KeyRotation, primary: str) -> tuple[int, int]:
    """Rotate until nothing is left, or nothing changes. Returns how much was encrypted, and how much is left."""
    done, left, patient = 0, rotation.use().left(primary), False
    while left:
        said = time.monotonic()
        for count in rotation.run(patient):
            done += count
            if time.monotonic() - said > 1:
                click.echo(f"{done:,} encrypted …", err=True)
                said = time.monotonic()
        before, left = left, rotation.use().left(primary)
        if patient and left >= before:
            break
        patient = True  # what is left may be in use by another process
    return done, left


def _rotation(services: Services) -> KeyRotation:
    return KeyRotation(services.sessions, services.clock, services.files, services.vault)


def _row(key: EncryptionKey, use: KeyUse, state: str) -> tuple[str, str, int, int, str]:
    return key.id, key.origin, use.parts[key.id], use.values[key.id], state


def _key_file(settings: Settings) -> Path:
    """The file to which keys are added. Raises SettingsError if nothing says that the portal reads it."""
    if settings.encryption_keys_file:
        return Path(settings.encryption_keys_file)
    if "data_dir" not in settings.model_fields_set and not settings.data_dir.is_dir():
        raise SettingsError(
            f"{PREFIX}DATA_DIR: {settings.data_dir.resolve()} does not exist. Type the command in the folder in "
            f"which the portal runs, or set {PREFIX}DATA_DIR or {PREFIX}ENCRYPTION_KEYS_FILE as there."
        )
    return settings.data_dir / KEY_FILE


def _add(file: Path, key: str) -> None:
    """Put a key in front of those in a file, completely or not at all. Raises SettingsError."""
    scratch = file.with_name(f".{file.name}-{token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)  # two at once would each keep only their own
            older = file.read_text(encoding="utf-8") if file.exists() else ""
            with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
                stream.write(f"{key}\n{older}")
                stream.flush()
                os.fsync(stream.fileno())
            scratch.rename(file)
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with suppress(OSError):
            scratch.unlink()
        words = f"{PREFIX}ENCRYPTION_KEYS_FILE: {file} cannot be written ({error.strerror}); use --print"
        raise SettingsError(words) from None
