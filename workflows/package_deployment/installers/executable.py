"""A Windows program (PE): its headers, sections, resources, and what lies after them.

The file is mapped, never read as a whole. `pefile` reads the headers and the tree of resources.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import pefile

from workflows.package_deployment.analysis import Architecture
from workflows.package_deployment.installers.problems import InstallerError
from workflows.package_deployment.installers.texts import clean

MOST_RESOURCES = 4_096
MOST_SECTIONS = 96
"""As many as the loader of Windows accepts."""
LARGEST_READ = 64 << 20
"""Bytes that are read at once."""

_RESOURCE_DIRECTORY = 2
_CERTIFICATE_DIRECTORY = 4
_DOTNET_DIRECTORY = 14
_IS_DLL = 0x2000
_SYMBOL_SIZE = 18
_NATIVE_SUBSYSTEM = 1

MACHINES = {
    0x014C: Architecture.X86, 0x8664: Architecture.X64, 0xAA64: Architecture.ARM64, 0x01C0: Architecture.ARM,
    0x01C2: Architecture.ARM, 0x01C4: Architecture.ARM, 0x0200: Architecture.ITANIUM,
}  # fmt: skip

RESOURCE_DATA = 10
RESOURCE_VERSION = 16
RESOURCE_MANIFEST = 24


class Section(NamedTuple):
    """A section, where it is in the file, in bytes."""

    name: str
    offset: int
    size: int


class Resource(NamedTuple):
    """A resource. Types and names are numbers, or texts in capitals."""

    type: int | str
    name: int | str
    language: int
    offset: int
    size: int


class Executable:
    """A Windows program that is open for reading. Use it with `with`."""

    def __init__(self, source: Path | bytes, level: int = 0) -> None:
        """Open a file, or the bytes of a program that was inside another: its level is one more than that of the other.

        Raises:
            InstallerError: it is not a program.
        """
        self.level = level
        self.data = _mapped(source) if isinstance(source, Path) else source
        self.size = len(self.data)
        try:
            self._pe = pefile.PE(data=self.data, fast_load=True)
        except Exception as error:
            self._close()
            raise InstallerError("The headers of the program are damaged.") from error
        self.sections = self._read_sections()
        self.overlay, self.end = self._find_overlay()
        self._resources: list[Resource] | None = None

    def __enter__(self) -> Executable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pe.close()
        self._close()

    def _close(self) -> None:
        if isinstance(self.data, mmap.mmap):
            self.data.close()

    @property
    def architecture(self) -> Architecture:
        """The processor that the program itself is made for."""
        return MACHINES.get(self._pe.FILE_HEADER.Machine, Architecture.UNKNOWN)

    @property
    def is_dll(self) -> bool:
        """Whether it is a library."""
        return bool(self._pe.FILE_HEADER.Characteristics & _IS_DLL)

    @property
    def is_driver(self) -> bool:
        """Whether it runs without Windows' programs, as drivers do."""
        return bool(self._pe.OPTIONAL_HEADER.Subsystem == _NATIVE_SUBSYSTEM)

    @property
    def is_dotnet(self) -> bool:
        """Whether it is made for .NET."""
        return self._directory(_DOTNET_DIRECTORY) != (0, 0)

    @property
    def certificates(self) -> tuple[int, int]:
        """Where the signature is in the file, and its size; zeros if there is none."""
        return self._directory(_CERTIFICATE_DIRECTORY)

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes of the file; fewer at its end."""
        if offset < 0 or size <= 0 or offset >= self.size:
            return b""
        return self.data[offset : min(offset + min(size, LARGEST_READ), self.size)]

    def find(self, pattern: bytes, start: int, stop: int) -> int:
        """Return where a pattern is between two places, or -1."""
        return self.data.find(pattern, max(start, 0), min(stop, self.size))

    def section(self, name: str) -> Section | None:
        """Return the section of a name, or None."""
        return next((section for section in self.sections if section.name == name), None)

    def resources(self) -> list[Resource]:
        """Return the resources, at most `MOST_RESOURCES`; none if their tree is damaged."""
        if self._resources is None:
            self._resources = list(self._read_resources())
        return self._resources

    def resource(self, type: int | str, name: int | str | None = None) -> Resource | None:
        """Return the first resource of a type, and of a name if one is given, or None."""
        fitting = (found for found in self.resources() if found.type == type)
        return next((found for found in fitting if name is None or found.name == name), None)

    def content(self, resource: Resource, most: int = LARGEST_READ) -> bytes:
        """Return the bytes of a resource, at most so many."""
        return self.read(resource.offset, min(resource.size, most))

    def _directory(self, number: int) -> tuple[int, int]:
        directories = self._pe.OPTIONAL_HEADER.DATA_DIRECTORY
        if number >= len(directories):
            return 0, 0
        return directories[number].VirtualAddress, directories[number].Size

    def _read_sections(self) -> list[Section]:
        return [
            Section(clean(part.Name.rstrip(b"\0").decode("latin-1"), 8), part.PointerToRawData, part.SizeOfRawData)
            for part in self._pe.sections[:MOST_SECTIONS]
        ]

    def _find_overlay(self) -> tuple[int, int]:
        """Return where the data after the program starts, and where it ends: before the signature, if there is one."""
        start = max((part.offset + part.size for part in self.sections if part.size), default=self.size)
        header = self._pe.FILE_HEADER
        symbols = header.PointerToSymbolTable
        if header.NumberOfSymbols and symbols == start:
            # Compilers such as GCC write a table of symbols after the sections; it is a part of the program.
            texts = symbols + header.NumberOfSymbols * _SYMBOL_SIZE
            start = texts + int.from_bytes(self.read(texts, 4), "little")
        end = self.size
        certificates, size = self.certificates
        if size and start <= certificates < self.size:
            end = certificates
        return min(start, self.size), max(end, min(start, self.size))

    def _read_resources(self) -> Iterator[Resource]:
        if self._directory(_RESOURCE_DIRECTORY) == (0, 0):
            return
        try:
            self._pe.parse_data_directories(directories=[_RESOURCE_DIRECTORY])
            tree = getattr(self._pe, "DIRECTORY_ENTRY_RESOURCE", None)
        except Exception:
            return
        count = 0
        for kind in getattr(tree, "entries", []):
            for item in getattr(getattr(kind, "directory", None), "entries", []):
                for variant in getattr(getattr(item, "directory", None), "entries", []):
                    resource = self._resource_of(kind, item, variant)
                    if resource is not None:
                        yield resource
                        count += 1
                    if count >= MOST_RESOURCES:
                        return

    def _resource_of(self, kind: object, item: object, variant: object) -> Resource | None:
        place = getattr(getattr(variant, "data", None), "struct", None)
        if place is None:
            return None
        try:
            offset = self._pe.get_offset_from_rva(place.OffsetToData)
        except pefile.PEFormatError:
            return None
        if offset is None or offset >= self.size:
            return None
        language = getattr(variant, "id", None)
        return Resource(_key(kind), _key(item), language or 0, offset, min(place.Size, self.size - offset))


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            raise InstallerError("The file is empty.")
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _key(entry: object) -> int | str:
    name = getattr(entry, "name", None)
    if name is not None:
        return clean(str(name), 200).upper()
    number: int = getattr(entry, "id", None) or 0
    return number
