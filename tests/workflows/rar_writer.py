"""A writer of RAR archives that are not compressed, for tests, after their public descriptions."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

_STORED, _PACKED = 0x30, 0x33


def new_rar(
    files: Mapping[str, bytes], comment: str = "", *, is_packed: bool = False, is_encrypted: bool = False
) -> bytes:
    """Return an archive of RAR 5. Its files are said to be packed if asked for."""
    blocks = _new_block(4, b"\0\0\x0f" + bytes(16), b"") if is_encrypted else b""
    blocks += _new_block(1, b"\0", b"")
    if comment:
        blocks += _new_block(3, _new_file("CMT", len(comment) + 1, 0), comment.encode() + b"\0")
    for name, content in files.items():
        is_folder = name.endswith("/")
        blocks += _new_block(
            2, _new_file(name.rstrip("/"), len(content), 3 if is_packed else 0, is_folder=is_folder), content
        )
    return b"Rar!\x1a\x07\1\0" + blocks + _new_block(5, b"\0", b"")


def _new_file(name: str, size: int, method: int, *, is_folder: bool = False) -> bytes:
    encoded = name.encode()
    head = _number(6 | is_folder) + _number(size) + _number(0x20) + struct.pack("<II", 0, 0)
    return head + _number(method << 7) + _number(0) + _number(len(encoded)) + encoded


def _new_block(kind: int, body: bytes, data: bytes) -> bytes:
    flags = 2 if data or kind in (2, 3) else 0
    content = _number(kind) + _number(flags) + (_number(len(data)) if flags else b"") + body
    sized = _number(len(content)) + content
    return struct.pack("<I", zlib.crc32(sized)) + sized + data


def _number(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def old_rar(
    files: Mapping[str, bytes], comment: str = "", *, is_packed: bool = False, is_encrypted: bool = False
) -> bytes:
    """Return an archive of RAR 4."""
    blocks = _old_block(0x73, 0x80 if is_encrypted else 0, bytes(6), b"")
    if comment:
        blocks += _old_block(0x7A, 0x8000, _old_file("CMT", len(comment), _STORED), comment.encode())
    for name, content in files.items():
        flags = 0x8000 | (0xE0 if name.endswith("/") else 0)
        body = _old_file(name.rstrip("/").replace("/", "\\"), len(content), _PACKED if is_packed else _STORED)
        blocks += _old_block(0x74, flags, body, content)
    return b"Rar!\x1a\x07\0" + blocks + _old_block(0x7B, 0x4000, b"", b"")


def _old_file(name: str, size: int, method: int) -> bytes:
    encoded = name.encode()
    return struct.pack("<IIBIIBBHI", size, size, 2, 0, 0, 29, method, len(encoded), 0x20) + encoded


def _old_block(kind: int, flags: int, body: bytes, data: bytes) -> bytes:
    head = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
    return struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head + data
