"""The dependencies as GraphML, which programs for graphs read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import polars as pl

from workflows.asset_discovery.dependencies.model import Dependencies

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OF_ASSETS = ("name", "asset_type", "environment", "location", "application", "criticality", "status")
_OF_EDGES = ("kind", "reason")


def write_graphml(found: Dependencies, assets: pl.DataFrame, path: Path) -> None:
    """Write all assets, with what is known of them, and their dependencies.

    It is written line by line, because a tree of 100,000 assets takes hundreds of MiB and half a minute.
    Source of the format: http://graphml.graphdrawing.org/specification.html
    """
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in _lines(found, assets))


def _lines(found: Dependencies, assets: pl.DataFrame) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
    for owner, names in (("node", _OF_ASSETS), ("edge", _OF_EDGES)):
        for name in names:
            yield f'<key id="{owner}-{name}" for="{owner}" attr.name="{name}" attr.type="string"/>'
    yield '<graph edgedefault="directed">'
    for asset, *values in assets.select("asset", *_OF_ASSETS[1:]).iter_rows():
        facts = _data("node", zip(_OF_ASSETS, (found.names[asset], *values), strict=True))
        yield f'<node id="{asset}">{facts}</node>'
    for source, target, *values in found.edges.select("source", "target", *_OF_EDGES).iter_rows():
        facts = _data("edge", zip(_OF_EDGES, values, strict=True))
        yield f'<edge source="{source}" target="{target}">{facts}</edge>'
    yield "</graph></graphml>"


def _data(owner: str, facts: Iterator[tuple[str, str | None]]) -> str:
    return "".join(f'<data key="{owner}-{name}">{_xml(value)}</data>' for name, value in facts if value)


def _xml(text: str) -> str:
    """The text, escaped, and without characters that XML cannot hold."""
    return escape(_NOT_XML.sub("\ufffd", text))
