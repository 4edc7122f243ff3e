"""Installers whose compressed parts are broken: they are changed before they are packed, with the right checksums."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.workflows.bundles import V3, V4, Bundle, tag
from tests.workflows.cabinet_writer import LZX, MSZIP, STORED
from tests.workflows.inno_setups import VERSIONS, Setup

Change = Callable[[bytes], bytes]
_NSIS = b"\xef\xbe\xad\xdeNullsoftInst"
_PACKED = 0x80000000


@dataclass
class _ChangedSetup(Setup):
    """A set-up program of Inno Setup whose blocks are changed before they are packed."""

    change: Change = bytes

    def _block(self, content: bytes) -> bytes:
        return super()._block(self.change(content))


@dataclass
class _ChangedBundle(Bundle):
    """A bundle whose manifest is changed before it is packed."""

    change: Change = bytes

    def manifest(self) -> str:
        return self.change(super().manifest().encode()).decode("utf-8", "replace")


def changed_setup(change: Change, random: Random) -> bytes:
    """Return a set-up program of Inno Setup with changed records."""
    files = {f"{{app}}\\{number}.txt": b"content" * number for number in range(random.choice((0, 1, 20)))}
    texts = {"AppName": "Example", "AppVersion": "1.2", "AppId": "Example", "ArchitecturesAllowed": "x64compatible"}
    return _ChangedSetup(version=random.choice(list(VERSIONS)), texts=texts, files=files, change=change).build()


def changed_manifest(change: Change, random: Random) -> bytes:
    """Return a bundle with a changed manifest."""
    chain = tag("MsiPackage", tag("MsiProperty", Id="A", Value="B"), Id="one", ProductCode="{1}", Version="1.2.3")
    namespace = random.choice((V3, V4))
    return _ChangedBundle(chain * 3, {"one": b"MZ" + bytes(100)}, namespace=namespace, change=change).build()


def changed_package_inside(change: Change, random: Random, msi: bytes) -> bytes:
    """Return a bundle that contains a changed MSI."""
    payload = tag("PayloadRef", Id="one.msi")
    chain = tag("MsiPackage", payload, Id="one", ProductCode="{1}", Version="1.2.3")
    return Bundle(chain, {"one.msi": change(msi)}, method=random.choice((STORED, MSZIP, LZX))).build()


def changed_script(change: Change, nsis: bytes) -> bytes:
    """Return an NSIS installer with a changed header, which holds its script; the installer is one packed with zlib."""
    place = nsis.find(_NSIS) + len(_NSIS)
    start = place + 8 + 4
    size = int.from_bytes(nsis[start - 4 : start], "little") & ~_PACKED
    header = change(zlib.decompress(nsis[start : start + size], -15))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(header) + packer.flush()
    rest = nsis[start + size :]
    lengths = struct.pack("<II", len(header), 28 + 4 + len(packed) + len(rest))
    return nsis[:place] + lengths + struct.pack("<I", len(packed) | _PACKED) + packed + rest


def changed_inside(seeds: Sequence[bytes], change: Change, random: Random) -> tuple[str, bytes]:
    """Return what was changed in one of these ways, and the result."""
    packages = [seed for seed in seeds if seed.startswith(b"\xd0\xcf")]
    scripts = [seed for seed in seeds if _NSIS in seed]
    ways: dict[str, Callable[[], bytes]] = {
        "the data of Inno Setup": lambda: changed_setup(change, random),
        "the manifest of a bundle": lambda: changed_manifest(change, random),
        "an MSI in a bundle": lambda: changed_package_inside(change, random, random.choice(packages)),
        "the script of NSIS": lambda: changed_script(change, scripts[0]),
    }
    words = random.choice(list(ways))
    return words, ways[words]()
