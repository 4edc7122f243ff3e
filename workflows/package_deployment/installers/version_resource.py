"""The version resource of a program: what it says about its name, version, and manufacturer."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from typing import NamedTuple

from workflows.package_deployment.installers.executable import RESOURCE_VERSION, Executable
from workflows.package_deployment.installers.languages import language_tag
from workflows.package_deployment.installers.texts import clean

MOST_STRINGS = 100
_LARGEST = 1 << 16
_DEEPEST = 4
_FIXED_SIGNATURE = 0xFEEF04BD
_NEUTRAL = {0, 0x0400, 0x0800}


class VersionResource(NamedTuple):
    """What the resource says. Texts are empty where it says nothing."""

    strings: dict[str, str]
    language: str
    fixed_file_version: str
    fixed_product_version: str

    def value(self, *names: str) -> str:
        """Return the first of these strings that is there, without blanks around it."""
        return next((self.strings[name].strip() for name in names if self.strings.get(name, "").strip()), "")


NO_VERSION_RESOURCE = VersionResource({}, "", "", "")


class _Block(NamedTuple):
    key: str
    value: bytes
    children: bytes


def read_version_resource(program: Executable) -> VersionResource:
    """Read the version resource of a program; English first where there are several."""
    found = [resource for resource in program.resources() if resource.type == RESOURCE_VERSION]
    if not found:
        return NO_VERSION_RESOURCE
    chosen = next((resource for resource in found if resource.language == 0x0409), found[0])
    return parse_version_resource(program.content(chosen, _LARGEST))


def parse_version_resource(data: bytes) -> VersionResource:
    """Parse a resource of the type RT_VERSION. What is damaged is left out."""
    root = next(_blocks(data), None)
    if root is None or root.key != "VS_VERSION_INFO":
        return NO_VERSION_RESOURCE
    strings: dict[str, str] = {}
    languages: list[int] = []
    for part in _blocks(root.children):
        if part.key == "StringFileInfo":
            for table in _blocks(part.children):
                _add_strings(table, strings, languages)
        elif part.key == "VarFileInfo":
            languages += [
                code for variable in _blocks(part.children) if variable.key == "Translation"
                for (code, _) in struct.iter_unpack("<HH", variable.value[: len(variable.value) // 4 * 4])
            ]  # fmt: skip
    tags = dict.fromkeys(filter(None, (language_tag(code) for code in languages if code not in _NEUTRAL)))
    return VersionResource(strings, ",".join(list(tags)[:1]), *_fixed_versions(root.value))


def _add_strings(table: _Block, strings: dict[str, str], languages: list[int]) -> None:
    with contextlib.suppress(ValueError):
        languages.append(int(table.key[:4], 16))
    for entry in _blocks(table.children):
        if len(strings) >= MOST_STRINGS:
            return
        # Some tools count the value in bytes where the format wants characters, so its end is the first zero.
        text = entry.value.decode("utf-16-le", "replace").split("\0")[0]
        if entry.key and entry.key not in strings:
            strings[clean(entry.key, 100)] = clean(text.strip())


def _blocks(data: bytes) -> Iterator[_Block]:
    """Yield the blocks that follow each other: length, length of the value, kind, key, value, children."""
    offset = 0
    count = 0
    while offset + 6 <= len(data) and count < 1_000:
        length, value_length, kind = struct.unpack_from("<HHH", data, offset)
        end = min(offset + length, len(data))
        if length < 8:
            return
        key_end = _end_of_text(data, offset + 6, end)
        value_at = _aligned(key_end + 2)
        size = value_length * 2 if kind == 1 else value_length
        is_string = kind == 1
        value = data[value_at : end if is_string else min(value_at + size, end)]
        children = data[_aligned(value_at + size) : end]
        yield _Block(data[offset + 6 : key_end].decode("utf-16-le", "replace"), value, children)
        offset = _aligned(offset + length)
        count += 1


def _end_of_text(data: bytes, start: int, end: int) -> int:
    at = start
    while at + 2 <= end and data[at : at + 2] != b"\0\0":
        at += 2
    return at


def _aligned(offset: int) -> int:
    return (offset + 3) & ~3


def _fixed_versions(value: bytes) -> tuple[str, str]:
    if len(value) < 24:
        return "", ""
    signature, _, file_high, file_low, product_high, product_low = struct.unpack_from("<6I", value)
    if signature != _FIXED_SIGNATURE:
        return "", ""
    return _dotted(file_high, file_low), _dotted(product_high, product_low)


def _dotted(high: int, low: int) -> str:
    if not high and not low:
        return ""
    return f"{high >> 16}.{high & 0xFFFF}.{low >> 16}.{low & 0xFFFF}"
