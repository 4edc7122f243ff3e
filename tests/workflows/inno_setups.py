"""Set-up programs of Inno Setup for tests, written by the public declarations of its records for some versions.

The compiler of Inno Setup runs on Windows only. What it writes, and what this writes, was compared once with versions
5.5.9, 6.0, 6.2, 6.3, and 6.4.
"""

from __future__ import annotations

import hashlib
import lzma
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.workflows.windows_programs import Program, version_resource

TABLE_ID = b"rDlPtS\xcd\xe6\xd7{\x0b*"
_HEADER_TEXTS = (
    "AppName", "AppVerName", "AppId", "AppCopyright", "AppPublisher", "AppPublisherURL", "AppSupportPhone",
    "AppSupportURL", "AppUpdatesURL", "AppVersion", "DefaultDirName", "DefaultGroupName", "BaseFilename",
    "UninstallFilesDir", "UninstallDisplayName", "UninstallDisplayIcon", "AppMutex", "DefaultUserInfoName",
    "DefaultUserInfoOrg", "DefaultUserInfoSerial", "AppReadmeFile", "AppContact", "AppComments", "AppModifyPath",
    "CreateUninstallRegKey", "Uninstallable", "CloseApplicationsFilter", "SetupMutex", "ChangesEnvironment",
    "ChangesAssociations", "ArchitecturesAllowed", "ArchitecturesInstallIn64BitMode", "CloseApplicationsFilterExcludes",
    "SevenZipLibraryName", "UsePreviousAppDir", "UsePreviousGroup", "UsePreviousSetupType", "UsePreviousTasks",
    "UsePreviousUserInfo",
)  # fmt: skip
PRIVILEGES = {"none": 0, "poweruser": 1, "admin": 2, "lowest": 3}


@dataclass(frozen=True)
class _Version:
    texts: int
    counts: tuple[str, ...]
    before_privileges: str
    """The fields between the counts and PrivilegesRequired, as a format of `struct`."""
    after_privileges: str
    has_overrides: bool
    has_sets: bool
    language: tuple[int, str]
    file_texts: tuple[int, int]
    file: str
    location: str
    is_long: bool = False


_COUNTS = (
    "language", "message", "permission", "type", "component", "task", "folder", "file", "location", "icon", "ini",
    "registry", "delete", "uninstall_delete", "run", "uninstall_run",
)  # fmt: skip
_NEW_COUNTS = (*_COUNTS[:7], "key", *_COUNTS[7:])
VERSIONS = {
    # Windows versions; colors; alpha format; password's SHA-1 and salt; disk space; slices; two enumerations
    "5.5.7": _Version(28, _COUNTS, "10s10siiB20s8sqiBB", "BBBBBBBq6s", False, True, (6, "IiiiiB"), (10, 0),
                      "10s10siiqhIB", "iiIqqq20sqIIH"),
    # Windows versions; style and size of the wizard; alpha format; test, salt, iterations, nonce of the password; …
    "6.4.0.1": _Version(32, _COUNTS, "10s10sBiiBi16si24sqiBB", "BBBBBq6s", True, False, (6, "IiiiiB"), (10, 0),
                        "10s10siiqhIB", "iiIqqq32sqIIHB"),
    # Windows versions; size, dark style, alpha format, six colors, two opacities, styling; …
    "6.7.0": _Version(39, _NEW_COUNTS, "10s10siiBB6iBBBqiBB", "BBBBBq8s", True, False, (4, "HiiiiB"), (15, 1),
                      "32sB10s10siiqh8sB", "iiqqqq32sqIIB", is_long=True),
}  # fmt: skip


@dataclass
class Setup:
    """A set-up program of Inno Setup."""

    version: str = "6.4.0.1"
    is_unicode: bool = True
    texts: Mapping[str, str] = field(default_factory=dict)
    privileges: str = "admin"
    overrides: int = 0
    processors: tuple[int, int] = (0, 0)
    languages: Sequence[int] = (0x0409,)
    files: Mapping[str, bytes] = field(default_factory=dict)
    is_packed: bool = True
    """Whether the blocks are compressed."""
    lost_locations: int = 0
    """How many locations of files are left out at the end."""
    named_version: str = ""
    """The version that the data claim, if it is another one."""

    def build(self) -> bytes:
        """Return the bytes of the program."""
        stub = self._program(0, 0).build()
        start = len(stub)
        data = self.data()
        return (
            self._program(start, start + len(data)).build()[:start] + data + b"zlb\x1a" + b"".join(self.files.values())
        )

    def _program(self, data: int, files: int) -> Program:
        if VERSIONS[self.version].is_long:
            table = TABLE_ID + struct.pack("<IqqIIqqI", 2, 0, 0, 0, 0, data, files, 0)
        else:
            table = TABLE_ID + struct.pack("<IIIIIII", 1, 0, 0, 0, 0, data, files)
        table += struct.pack("<I", zlib.crc32(table))
        resources = {(10, 11111): table, (16, 1): version_resource({"ProductName": "Of the resource"})}
        return Program(resources=resources)

    def data(self) -> bytes:
        """Return the set-up data: their name, and two blocks."""
        layout = VERSIONS[self.version]
        named = self.named_version or self.version
        mark = " (u)" if self.is_unicode and named.startswith(("5.", "6.0", "6.1")) else ""
        name = f"Inno Setup Setup Data ({named}){mark}".encode().ljust(64, b"\0")
        encryption = b""
        if layout.is_long:
            record = bytes(49)
            encryption = struct.pack("<I", zlib.crc32(record)) + record
        return name + encryption + self._block(self._records()) + self._block(self._locations())

    def _records(self) -> bytes:
        layout = VERSIONS[self.version]
        numbers = dict.fromkeys(layout.counts, 0)
        numbers |= {"language": len(self.languages), "file": len(self.files), "location": len(self.files), "message": 1}
        texts = [self.texts.get(name, "") for name in _HEADER_TEXTS[: layout.texts]]
        fields = b"" if self.is_unicode else bytes(32)
        fields += struct.pack(f"<{len(numbers)}i", *numbers.values())
        fields += _zeros(layout.before_privileges) + bytes([PRIVILEGES[self.privileges]])
        if layout.has_overrides:
            fields += bytes([self.overrides])
        after = bytearray(_zeros(layout.after_privileges))
        if layout.has_sets:
            after[3:5] = bytes(self.processors)
        records = self._record(texts, 4, fields + after)
        for number in self.languages:
            count, form = layout.language
            extra = b"" if self.is_unicode else bytes(4)
            rest = _zeros(form[1:])
            records += self._record(["en"] * count, 4, struct.pack(f"<{form[0]}", number) + extra + rest)
        records += self._record(["NameAndVersion", "%1 version %2"], 0, struct.pack("<i", -1))
        for index, path in enumerate(self.files):
            records += self._file(path, index)
        return records

    def _file(self, path: str, index: int) -> bytes:
        layout = VERSIONS[self.version]
        count, byte_texts = layout.file_texts
        fields = bytearray(_zeros(layout.file))
        at = struct.calcsize("<" + layout.file.split("10s10s")[0] + "10s10s")
        fields[at : at + 4] = struct.pack("<i", index)
        return self._record(["", path] + [""] * (count - 2), byte_texts, bytes(fields))

    def _locations(self) -> bytes:
        layout = VERSIONS[self.version]
        found = b""
        for content in list(self.files.values())[: len(self.files) - self.lost_locations]:
            digest = hashlib.sha256(content).digest() if "32s" in layout.location else hashlib.sha1(content).digest()
            form = "<" + layout.location
            values = [0] * len(struct.unpack(form, bytes(struct.calcsize(form))))
            values[4], values[6] = len(content), digest  # type: ignore[call-overload]
            values[8], values[9], values[10] = 0x00010002, 0x00030004, 1
            found += struct.pack(form, *values)
        return found

    def _record(self, texts: Sequence[str], byte_texts: int, fields: bytes) -> bytes:
        encoded = [text.encode("utf-16-le" if self.is_unicode else "cp1252") for text in texts]
        encoded += [b""] * byte_texts
        return b"".join(struct.pack("<I", len(text)) + text for text in encoded) + fields

    def _block(self, content: bytes) -> bytes:
        options = {"id": lzma.FILTER_LZMA1, "lc": 3, "lp": 0, "pb": 2, "dict_size": 1 << 20}
        packed = (
            content
            if not self.is_packed
            else b"\x5d" + struct.pack("<I", 1 << 20) + lzma.compress(content, lzma.FORMAT_RAW, filters=[options])
        )
        pieces = b""
        for start in range(0, len(packed), 4096):
            piece = packed[start : start + 4096]
            pieces += struct.pack("<I", zlib.crc32(piece)) + piece
        head = struct.pack("<qB" if VERSIONS[self.version].is_long else "<IB", len(pieces), int(self.is_packed))
        return struct.pack("<I", zlib.crc32(head)) + head + pieces


def _zeros(form: str) -> bytes:
    return bytes(struct.calcsize("<" + form))
