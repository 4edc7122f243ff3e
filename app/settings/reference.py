"""The table of all settings in docs/configuration.md, made of their types: `python -m app.settings.reference`."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from app.settings.checks import PREFIX
from app.settings.model import Settings

HEAD = ("| setting | default | allowed | meaning |", "|---|---|---|---|")
_LISTS = {
    "trusted_proxies": "networks", "allowed_networks": "networks", "workflows": "workflows",
    "input_folders": "absolute paths",
}  # fmt: skip
_TEXTS = {
    "database_url": "`postgresql://…`", "base_url": "`http://…` or `https://…`",
    "slack_api_url": "`http://…` or `https://…`",
    "secret_key": "32 characters or more", "mail_from": "an email address", "mail_reply_to": "an email address",
    "mail_return_path": "an email address", "push_key": "32 bytes in base64url",
    "files_dir": "an absolute path", "policy_file": "a path", "tool_servers": "a path",
    "encryption_keys_file": "a path",
    "encryption_keys": "keys", "smtp_host": "a host name", "model_tier1": "`provider:model`",
    "model_tier2": "`provider:model`", "model_tier3": "`provider:model`",
}  # fmt: skip


def rows() -> list[str]:
    """The rows of the table."""
    return [
        f"| `{PREFIX}{name.upper()}` | {_default(field.default)} | {allowed(name, field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]


def allowed(name: str, field: FieldInfo) -> str:
    """The values that a setting may have, in words."""
    kind = _without_none(field.annotation)
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    if kind is bool:
        return "`true`, `false`"
    if kind in (int, float, Decimal):
        return _range(kind, field)
    if kind is Path:
        return "a path"
    if name in _LISTS:
        return f"{_LISTS[name]}, separated by commas"
    most = next((limit.max_length for limit in field.metadata if hasattr(limit, "max_length")), None)
    return _TEXTS.get(name) or (f"text of at most {most} characters" if most else "text")


def _without_none(kind: Any) -> Any:
    if get_origin(kind) is Annotated:
        return _without_none(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return next(part for part in get_args(kind) if part is not NoneType)
    return kind


def _range(kind: Any, field: FieldInfo) -> str:
    least = next((limit.ge for limit in field.metadata if hasattr(limit, "ge")), None)
    most = next((limit.le for limit in field.metadata if hasattr(limit, "le")), None)
    what = "a whole number" if kind is int else "a number"
    if least is None:
        return what
    return f"{_number(least)} to {_number(most)}" if most is not None else f"{what}, {_number(least)} or more"


def _number(value: Any) -> str:
    return f"{value:,}"


def _default(value: Any) -> str:
    if value in ("", (), None):
        return "not set"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    print(*HEAD, *rows(), sep="\n")
