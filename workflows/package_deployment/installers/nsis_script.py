"""The script of an NSIS installer, as its header holds it: files, registry entries, commands, and the folder."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum

from workflows.package_deployment.installers.budget import Budget
from workflows.package_deployment.installers.nsis_texts import Texts
from workflows.package_deployment.installers.problems import InstallerError
from workflows.package_deployment.installers.texts import clean

MOST_ENTRIES = 500_000
MOST_FILES = 20_000
_BLOCKS = 8
_ENTRY = struct.Struct("<7i")
_AFTER_BLOCKS_TO_LANGUAGE_SIZE = 32
_AFTER_BLOCKS_TO_FOLDER = 212
_LANGUAGE_HEAD = 10
_UNINSTALL_KEY = "\\microsoft\\windows\\currentversion\\uninstall\\"
_ALL_USERS, _REGISTRY_VIEW = 1, 12
"""Numbers of flags that a script sets."""
_VIEW_64 = 0x100
_INSTALL_FOLDER = 21
"""The number of the variable $INSTDIR."""
_LOCAL_MACHINE, _CURRENT_USER = 2, 1
_ROOT_VIEWS = 0x60000000
_ROOT_VIEW_64 = 0x20000000


class _Block(IntEnum):
    ENTRIES = 2
    TEXTS = 3
    LANGUAGES = 4


class _Command(IntEnum):
    CREATE_FOLDER = 11
    SET_FLAG = 13
    EXTRACT = 20
    ASSIGN = 25
    SHELL_EXECUTE = 40
    EXECUTE = 41
    WRITE_REGISTRY = 51
    WRITE_UNINSTALLER = 62
    WRITE_UNINSTALLER_IN_OTHERS = 64


@dataclass
class PackedFile:
    """A file that the script writes: its path, and where its data are among the data after the header."""

    path: str
    offset: int


@dataclass
class Script:
    """What the script does, as far as it can be read without running it."""

    folder: str = ""
    files: list[PackedFile] = field(default_factory=list)
    files_total: int = 0
    uninstall: dict[str, str] = field(default_factory=dict)
    """Values of its entry under Uninstall, and the name of the entry as "key"."""
    commands: list[str] = field(default_factory=list)
    writes_uninstaller: bool = False
    uses_64_bits: bool = False
    """Whether it names the folder for 64-bit programs, or the 64-bit registry."""
    roots: set[int] = field(default_factory=set)
    """Roots of its entry under Uninstall: 1 is the user's, 2 the machine's, 0 either."""
    is_64_bit: bool = False
    is_unicode: bool = False
    is_cut: bool = False
    """Whether there was no time to read all of it."""


def read_script(header: bytes, version: str, budget: Budget) -> Script:
    """Read the unpacked header, as far as there is time.

    Raises:
        InstallerError: it is not laid out as NSIS 2 and 3 do.
    """
    try:
        return _Reader(header, version).read(budget)
    except (struct.error, IndexError) as error:
        raise InstallerError("The header of the NSIS installer is damaged.") from error


class _Reader:
    def __init__(self, header: bytes, version: str) -> None:
        self._header = header
        self._is_64_bit = all(header[4 + 12 * index + 4 : 4 + 12 * index + 8] == bytes(4) for index in range(_BLOCKS))
        width = 12 if self._is_64_bit else 8
        places = [struct.unpack_from("<I", header, 4 + width * index)[0] for index in range(_BLOCKS)]
        counts = [struct.unpack_from("<I", header, 4 + width * index + width - 4)[0] for index in range(_BLOCKS)]
        self._places, self._counts = places, counts
        self._fields = 4 + width * _BLOCKS
        texts_at, texts_end = places[_Block.TEXTS], places[_Block.LANGUAGES]
        if not self._fields < texts_at < texts_end <= len(header) or places[_Block.ENTRIES] > texts_at:
            raise InstallerError("The header of the NSIS installer is not laid out as NSIS 2 and 3 do.")
        self._texts = Texts(
            header[texts_at:texts_end], self._first_language(), is_old=_is_old(header, texts_at, version)
        )
        self._script = Script(is_64_bit=self._is_64_bit, is_unicode=self._texts.is_unicode)
        self._out_folder = "$INSTDIR"
        self._seen: set[tuple[str, int]] = set()

    def read(self, budget: Budget) -> Script:
        (folder,) = struct.unpack_from("<i", self._header, self._fields + _AFTER_BLOCKS_TO_FOLDER)
        self._script.folder = clean(self._texts.text(folder)) if abs(folder) < len(self._header) else ""
        start = self._places[_Block.ENTRIES]
        count = min(self._counts[_Block.ENTRIES], MOST_ENTRIES, (self._places[_Block.TEXTS] - start) // _ENTRY.size)
        for values in _ENTRY.iter_unpack(self._header[start : start + count * _ENTRY.size]):
            if budget.is_spent:
                self._script.is_cut = True
                break
            self._carry_out(values)
        return self._script

    def _first_language(self) -> bytes:
        (size,) = struct.unpack_from("<I", self._header, self._fields + _AFTER_BLOCKS_TO_LANGUAGE_SIZE)
        start = self._places[_Block.LANGUAGES]
        return self._header[start + _LANGUAGE_HEAD : start + min(size, 1 << 20)] if size > _LANGUAGE_HEAD else b""

    def _carry_out(self, values: tuple[int, ...]) -> None:
        command, first, second, third = values[0], values[1], values[2], values[3]
        if command == _Command.CREATE_FOLDER and second:
            self._out_folder = self._texts.text(first) or self._out_folder
        elif command == _Command.EXTRACT:
            self._extract(second, third)
        elif command == _Command.WRITE_REGISTRY:
            self._write_registry(values)
        elif command == _Command.SET_FLAG and first == _REGISTRY_VIEW:
            self._script.uses_64_bits |= self._texts.text(second) == str(_VIEW_64)
        elif command == _Command.ASSIGN and first == _INSTALL_FOLDER:
            self._script.uses_64_bits |= self._texts.text(second).startswith("$PROGRAMFILES64")
        elif command == _Command.EXECUTE:
            self._add_command(self._texts.text(first))
        elif command == _Command.SHELL_EXECUTE:
            self._add_command(" ".join(filter(None, (self._texts.text(third), self._texts.text(values[4])))))
        elif command in (_Command.WRITE_UNINSTALLER, _Command.WRITE_UNINSTALLER_IN_OTHERS):
            self._script.writes_uninstaller |= self._texts.text(first).lower().endswith(".exe")

    def _extract(self, name: int, offset: int) -> None:
        path = self._texts.text(name)
        if path and not path.startswith("$") and path[1:2] != ":":
            path = f"{self._out_folder}\\{path}"
        if path.startswith("$OUTDIR\\"):
            path = self._out_folder + path[len("$OUTDIR") :]
        if (path, offset) in self._seen:  # such as a plug-in, which each call writes
            return
        self._seen.add((path, offset))
        self._script.files_total += 1
        if len(self._script.files) < MOST_FILES:
            self._script.files.append(PackedFile(clean(path), offset))

    def _add_command(self, command: str) -> None:
        if command and len(self._script.commands) < 200:
            self._script.commands.append(clean(command))

    def _write_registry(self, values: tuple[int, ...]) -> None:
        root, key = values[1], self._texts.text(values[2])
        place = f"\\{key}".lower().find(_UNINSTALL_KEY)
        if place < 0:
            return
        name = clean(key[place - 1 + len(_UNINSTALL_KEY) :])
        if "\\" in name or self._script.uninstall.get("key", name) != name:
            return
        if root & _ROOT_VIEWS == _ROOT_VIEW_64:
            self._script.uses_64_bits = True
        self._script.roots.add(root & 0xFF)
        self._script.uninstall["key"] = name
        item = clean(self._texts.text(values[3]), 100)
        if item and len(self._script.uninstall) < 50:
            self._script.uninstall.setdefault(item, clean(self._texts.text(values[4])))


def _is_old(header: bytes, start: int, version: str) -> bool:
    """Whether texts that are not Unicode have the codes of NSIS 2."""
    if version[:1] in "23" and version:
        return version.startswith("2")
    sample = header[start : start + 4_096]
    return sum(byte >= 252 for byte in sample) > sum(0 < byte < 5 for byte in sample)
