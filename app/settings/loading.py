"""Reads the settings from the environment, and makes what they need."""

from __future__ import annotations

import difflib
import os
import secrets
from pathlib import Path

from pydantic import ValidationError

from app.settings.checks import PREFIX
from app.settings.model import Settings


class SettingsError(Exception):
    """A setting cannot be used; the message is one line that names it."""


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: A value is invalid, or a name looks like a mistyped setting.
    """
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            meant = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
            if meant:
                raise SettingsError(f"{name}: there is no such setting. Did you mean {meant[0]}?")
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + "_".join(str(part) for part in first["loc"][:1]).upper()
        problem = first["msg"].removeprefix("Value error, ")
        secret = not Settings.model_fields[str(first["loc"][0])].repr
        shown = "" if secret else f" (given: {str(first['input'])[:80]!r})"
        raise SettingsError(f"{name}: {problem[:1].lower()}{problem[1:]}{shown}") from None


def doubts(settings: Settings) -> list[str]:
    """What probably was forgotten, for the log of a process that starts."""
    found = []
    alone = settings.host in ("127.0.0.1", "::1", "localhost")
    if not settings.base_url and (settings.smtp_host or settings.slack_bot_token or not alone):
        found.append(
            f"{PREFIX}BASE_URL is not set: links in messages lead to {settings.public_url}, and pages at another "
            "address are refused"
        )
    return found


def with_secret_key(settings: Settings) -> Settings:
    """Return settings with a secret key: the configured one, or one in the data directory that is created on first use.

    Processes on several machines must get the same key, because each would create its own otherwise.

    Raises:
        SettingsError: The data directory cannot be written, or the key file contains no key.
    """
    if settings.secret_key:
        return settings
    path = settings.data_dir / "secret_key"
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write_once(path, secrets.token_urlsafe(48))
        key = path.read_text().strip()
    except OSError as error:
        raise SettingsError(f"{PREFIX}DATA_DIR: {path} cannot be used ({error.strerror})") from None
    if len(key) < 32:
        raise SettingsError(f"{PREFIX}SECRET_KEY: the file {path} contains no key; remove it, and a new one is created")
    return settings.model_copy(update={"secret_key": key})


def check_folders(settings: Settings) -> None:
    """Raise SettingsError unless files can be written to `ASSENT_FILES_DIR`, if it is set, and inputs be read."""
    for listed in settings.input_folders:
        if not Path(listed).is_absolute() or not os.access(listed, os.R_OK | os.X_OK) or not Path(listed).is_dir():
            raise SettingsError(f"{PREFIX}INPUT_FOLDERS: {listed} is not the absolute path of a readable directory")
    if not settings.files_dir:
        return
    folder = Path(settings.files_dir)
    if not folder.is_absolute():
        raise SettingsError(f"{PREFIX}FILES_DIR: must be an absolute path")
    try:
        if not folder.is_dir():
            raise SettingsError(f"{PREFIX}FILES_DIR: {folder} is not a directory; create it, or correct the path")
        probe = folder / f".probe-{secrets.token_hex(8)}"
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        probe.unlink()
    except OSError as error:
        raise SettingsError(f"{PREFIX}FILES_DIR: {folder} cannot be written ({error.strerror})") from None


def _write_once(path: Path, text: str) -> None:
    """Create a private file completely or not at all; a process that was faster wins."""
    scratch = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
    try:
        os.link(scratch, path)
    except FileExistsError:
        pass
    finally:
        scratch.unlink()
