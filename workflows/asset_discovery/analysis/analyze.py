"""The whole analysis of an inventory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from workflows.asset_discovery.analysis.capacity import capacity, hosts
from workflows.asset_discovery.analysis.licenses import licenses
from workflows.asset_discovery.analysis.migration import by_application, migration
from workflows.asset_discovery.analysis.points import single_points
from workflows.asset_discovery.analysis.support import support
from workflows.asset_discovery.dependencies.model import Dependencies, EdgeKind


@dataclass(frozen=True)
class Analysis:
    """What was found; the functions of the same names describe the frames.

    Attributes:
        as_of: The day for which support is judged.
        migration: A proposal for each asset.
        applications: A proposal for each application.
    """

    as_of: date
    support: pl.DataFrame
    single_points: pl.DataFrame
    capacity: pl.DataFrame
    hosts: pl.DataFrame
    licenses: pl.DataFrame
    migration: pl.DataFrame
    applications: pl.DataFrame


def analyze(assets: pl.DataFrame, found: Dependencies, as_of: date) -> Analysis:
    """Analyze an inventory and its dependencies as of a day."""
    supported = support(assets, as_of)
    needed = found.edges.filter(pl.col("kind") != EdgeKind.NETWORK.value)["target"].unique()
    proposed = migration(assets, supported, needed)
    return Analysis(
        as_of=as_of,
        support=supported,
        single_points=single_points(assets, found),
        capacity=capacity(assets),
        hosts=hosts(assets),
        licenses=licenses(assets),
        migration=proposed,
        applications=by_application(proposed),
    )
