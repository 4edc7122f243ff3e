"""Checks of single settings, with messages for operators."""

from __future__ import annotations

import base64
from email.errors import HeaderParseError
from email.headerregistry import AddressHeader
from ipaddress import IPv4Network, IPv6Network, ip_network

from pydantic import ValidationInfo, field_validator
from pydantic_settings import BaseSettings

PREFIX = "ASSENT_"
Networks = tuple[IPv4Network | IPv6Network, ...]


class CheckedSettings(BaseSettings):
    """The checks; `app.settings.model` has the settings."""

    @field_validator("workflows", mode="before", check_fields=False)
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        paths = _listed(value)
        for path in paths:
            module, _, name = path.partition(":")
            if path.endswith((".yaml", ".yml")):
                continue
            if not (name.isidentifier() and all(part.isidentifier() for part in module.split("."))):
                raise ValueError(f"{path!r} is neither of the form package.module:NAME, nor a file in YAML")
        return paths

    @field_validator("input_folders", mode="before", check_fields=False)
    @classmethod
    def _folders(cls, value: object) -> object:
        return _listed(value) if isinstance(value, str) else value

    @field_validator("allowed_networks", "trusted_proxies", mode="before", check_fields=False)
    @classmethod
    def _networks(cls, value: object) -> object:
        if isinstance(value, str):
            value = _listed(value)
        if isinstance(value, tuple):
            networks_of(value)
        return value

    @field_validator("session_idle_minutes", check_fields=False)
    @classmethod
    def _long_enough_to_notice(cls, value: int) -> int:
        if 0 < value < 5:
            raise ValueError("must be 0 or at least 5, because activity is recorded once a minute")
        return value

    @field_validator("mail_from", check_fields=False)
    @classmethod
    def _sender(cls, value: str) -> str:
        if value and not _is_sender(value):
            raise ValueError("must be an email address, such as Assent <assent@example.com>")
        return value

    @field_validator("mail_reply_to", check_fields=False)
    @classmethod
    def _reader(cls, value: str) -> str:
        if value and not _is_sender(value):
            raise ValueError("must be an email address, such as Database team <dba@example.com>")
        return value

    @field_validator("mail_return_path", check_fields=False)
    @classmethod
    def _bare_address(cls, value: str) -> str:
        if value and (not _is_sender(value) or "<" in value or not value.isascii()):
            raise ValueError("must be an email address without a name, such as bounces@example.com")
        return value

    @field_validator("smtp_host", check_fields=False)
    @classmethod
    def _with_sender(cls, value: str, info: ValidationInfo) -> str:
        if value and not info.data.get("mail_from"):
            raise ValueError(f"needs {PREFIX}MAIL_FROM as well")
        return value

    @field_validator("push_key", check_fields=False)
    @classmethod
    def _key(cls, value: str, info: ValidationInfo) -> str:
        try:
            key = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
        except ValueError:
            key = b""
        if value and (len(key) != 32 or not any(key)):
            raise ValueError("must be 32 bytes in base64url, as `assent push-key` prints them")
        if value and not info.data.get("mail_from"):
            raise ValueError(f"needs {PREFIX}MAIL_FROM as well, because push services want an address to ask")
        return value

    @field_validator("smtp_user", check_fields=False)
    @classmethod
    def _over_tls(cls, value: str, info: ValidationInfo) -> str:
        if value and info.data.get("smtp_tls") == "none":
            raise ValueError(f"a password is not sent without encryption: set {PREFIX}SMTP_TLS to starttls or tls")
        return value

    @field_validator("database_url", check_fields=False)
    @classmethod
    def _postgresql(cls, value: str) -> str:
        if value and not value.startswith(("postgresql://", "postgres://")):
            raise ValueError("must start with postgresql://")
        return value.replace("postgres://", "postgresql://", 1)

    @field_validator("slack_api_url", check_fields=False)
    @classmethod
    def _api_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return f"{value.rstrip('/')}/"

    @field_validator("slack_signing_secret", check_fields=False)
    @classmethod
    def _not_alone(cls, value: str, info: ValidationInfo) -> str:
        if value and not info.data.get("slack_bot_token"):
            raise ValueError(f"needs {PREFIX}SLACK_BOT_TOKEN as well")
        return value

    @field_validator("base_url", check_fields=False)
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    @field_validator("encryption_keys_file", check_fields=False)
    @classmethod
    def _one_of_both(cls, value: str, info: ValidationInfo) -> str:
        if value and info.data.get("encryption_keys"):
            raise ValueError(f"cannot be combined with {PREFIX}ENCRYPTION_KEYS")
        return value

    @field_validator("secret_key", check_fields=False)
    @classmethod
    def _long_enough(cls, value: str) -> str:
        if value and len(value) < 32:
            raise ValueError("must have at least 32 characters")
        return value


def _listed(value: str) -> tuple[str, ...]:
    """Return the items of a comma-separated list."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def networks_of(names: tuple[str, ...]) -> Networks:
    """Return the networks with these names. Raises ValueError."""
    return tuple(ip_network(name) for name in names)


def _is_sender(value: str) -> bool:
    """Return True for a single address that a mail header can contain."""
    try:
        header = AddressHeader.value_parser(value)
    except (HeaderParseError, IndexError):
        return False
    boxes = header.all_mailboxes
    return value.isprintable() and len(boxes) == 1 and not header.all_defects and bool(boxes[0].domain)
