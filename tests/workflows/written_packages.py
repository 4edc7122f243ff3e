"""MSIs that vary the sample of the demo, for tests of what `wixl` cannot build."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workflows.package_deployment.analysis import Depth, PackageAnalysis
from workflows.package_deployment.installers.analyzing import analyze
from workflows.package_deployment.msi_writer import Package, Value, write_msi
from workflows.package_deployment.sample import sample_rows, sample_streams, sample_summary, tables


def written(
    folder: Path, rows: Mapping[str, Sequence[Sequence[Value]]] | None = None, *, without: Sequence[str] = (),
    properties: Mapping[str, str | None] | None = None, streams: Mapping[str, bytes] | None = None,
    summary: Mapping[int, str | int] | None = None, change: Callable[[Package], None] = lambda package: None,
    name: str = "a.msi", **more: Any,
) -> Path:  # fmt: skip
    """Write the sample with other rows in some tables, and other properties (None: without it)."""
    all_rows: dict[str, Sequence[Sequence[Value]]] = {**sample_rows(), **(rows or {})}
    changed = {str(row[0]): row[1] for row in all_rows["Property"]} | (properties or {})
    all_rows["Property"] = [(key, value) for key, value in changed.items() if value is not None]
    for table in without:
        del all_rows[table]
    content = sample_streams() if streams is None else streams
    package = Package(tables(all_rows), content, summary={**sample_summary(), **(summary or {})}, **more)
    change(package)
    write_msi(folder / name, package)
    return folder / name


def analyzed(folder: Path, *given: Any, depth: Depth = Depth.DEEP, **more: Any) -> PackageAnalysis:
    """Analyze the sample with changes, as for `written`."""
    return analyze(written(folder, *given, **more), depth)


def lzx_cabinet(files: Mapping[str, bytes]) -> bytes:
    """Return a cabinet in the format LZX, in which the content is in one block that is not compressed."""
    content = b"".join(files.values())
    bits = ((3 << 24) | len(content)) << 4  # no translation of calls, a block of type 3, and its size
    first = struct.pack("<HHIII", bits >> 16, bits & 0xFFFF, 1, 1, 1)
    pieces = [content[start : start + 32_768] for start in range(0, len(content), 32_768)]
    blocks = b""
    for number, piece in enumerate(pieces):
        packed = (first if number == 0 else b"") + piece + (b"\0" if len(piece) % 2 else b"")
        blocks += struct.pack("<IHH", 0, len(packed), len(piece)) + packed
    entries, offset = b"", 0
    for name, inside in files.items():
        entries += struct.pack("<IIHHHH", len(inside), offset, 0, 0x5A21, 0, 0x20) + name.encode() + b"\0"
        offset += len(inside)
    start = 36 + 8 + len(entries)
    head = struct.pack("<4s4xI4xI4xBBHHHHH", b"MSCF", start + len(blocks), 44, 3, 1, 1, len(files), 0, 0, 0)
    return head + struct.pack("<IHH", start, len(pieces), 0x1503) + entries + blocks
