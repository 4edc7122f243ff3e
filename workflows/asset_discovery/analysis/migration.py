"""A view of what a migration would do with each asset and application: one of six ways, with the reason.

The six ways are the usual ones (https://docs.aws.amazon.com/prescriptive-guidance/latest/large-migration-guide/
migration-strategies.html): retire, retain, rehost, replatform, refactor, repurchase. The view is a proposal from what
an inventory can say; people know more, and change it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from workflows.asset_discovery.analysis.support import SupportState


class Way(StrEnum):
    """What a migration does with an asset."""

    RETIRE = "retire"
    RETAIN = "retain"
    REHOST = "rehost"
    REPLATFORM = "replatform"
    REFACTOR = "refactor"
    REPURCHASE = "repurchase"


WAYS: dict[Way, str] = {
    Way.RETIRE: "Switch it off",
    Way.RETAIN: "Leave it where it is",
    Way.REHOST: "Move it as it is",
    Way.REPLATFORM: "Move it, and change what it runs on",
    Way.REFACTOR: "Build it differently",
    Way.REPURCHASE: "Buy a service instead",
}
"""Each way in words."""
_DEVICES = (
    "laptop", "desktop", "printer", "phone", "tablet", "monitor", "camera", "access point", "switch", "router",
    "firewall", "ups", "industrial controller", "load balancer",
)  # fmt: skip
_CLOUDS = ("amazon", "aws", "google", "microsoft azure", "azure", "oracle cloud", "digitalocean", "hetzner cloud")
_INSTANCE = (
    r"^(?:[a-z]{1,3}\d[a-z]{0,3}n?\.(?:nano|micro|small|medium|large|\d*xlarge|metal.*)|standard_[a-z]+\d.*"
    r"|[ecnmat]\d[a-z]?-(?:standard|highmem|highcpu|micro|small|medium).*)$"
)
"""Types of machines of AWS, Azure, and Google Cloud."""
_BOUND_SYSTEMS = ("AIX", "HP-UX", "Solaris", "z/OS", "z/VM", "IBM i")
_SERVICES = (
    r"exchange|\bmail|e-mail|outlook|\bcrm\b|salesforce|sharepoint|confluence|\bwiki\b|\bjira\b|ticket|help ?desk|"
    r"service ?desk|intranet|\bdms\b|payroll|lohn|\bhr\b|recruit|time ?tracking|zeiterfassung|webex|jitsi|collaboration"
)
_DATABASE = (
    r"(?:^|[^a-z])(?:sql|mssql|oracle|postgres|postgresql|mysql|mariadb|mongo|mongodb|db2|redis)(?:[^a-z]|$)|\bdb\d*\b"
)


@dataclass(frozen=True)
class _Rule:
    """The assets for which a way is proposed; the first rule that fits counts."""

    way: Way
    fits: pl.Expr
    reason: pl.Expr


def migration(assets: pl.DataFrame, supported: pl.DataFrame, needed: pl.Series) -> pl.DataFrame:
    """A proposal for each asset.

    Args:
        assets: The inventory.
        supported: What `support` says.
        needed: Numbers of the assets that others need.

    Returns:
        `asset`, `name`, `application` (null: none is given), `way`, and `reason`, in the order of the inventory.
    """
    known = assets.join(supported.select("asset", "state", "what"), on="asset", how="left", maintain_order="left")
    rows = known.with_columns(pl.col("asset").is_in(needed.implode()).alias("needed"))
    way: pl.Expr | None = None
    reason: pl.Expr | None = None
    for rule in reversed(_rules()):
        fits = rule.fits.fill_null(value=False)
        otherwise_way = pl.lit(Way.REHOST.value) if way is None else way
        otherwise_reason = pl.lit("a server that can be moved as it is") if reason is None else reason
        way = pl.when(fits).then(pl.lit(rule.way.value)).otherwise(otherwise_way)
        reason = pl.when(fits).then(rule.reason).otherwise(otherwise_reason)
    assert way is not None
    assert reason is not None
    return rows.select("asset", "name", "application", way.alias("way"), reason.alias("reason"))


def _rules() -> list[_Rule]:
    status, kind = pl.col("status_class"), pl.col("type_class")
    application = pl.concat_str(["application", "name"], separator=" ", ignore_nulls=True).str.to_lowercase()
    ended = pl.col("state") == SupportState.ENDED.value
    system_ended = ended & (pl.col("what") != "hardware or contract")
    vendor, model = pl.col("manufacturer").str.to_lowercase(), pl.col("model").str.to_lowercase()
    database = (kind == "database") | application.str.contains(_DATABASE)
    return [
        _Rule(Way.RETIRE, status == "retired", pl.lit("its status says that it is no longer used")),
        _Rule(
            Way.RETIRE, (status == "stopped") & ~pl.col("needed"), pl.lit("it is stopped, and no other asset needs it")
        ),
        _Rule(Way.RETAIN, status.is_in(["in stock", "planned"]), pl.format("it is {}", status)),
        _Rule(Way.RETAIN, kind.is_in(_DEVICES), pl.format("a {} stays with its site or its user", kind)),
        _Rule(Way.RETAIN, kind == "hypervisor", pl.lit("its guests are moved, and it goes when they have gone")),
        _Rule(
            Way.RETAIN,
            vendor.str.contains_any(list(_CLOUDS)) | model.str.contains(_INSTANCE),
            pl.lit("it runs in a cloud already"),
        ),
        _Rule(
            Way.REFACTOR,
            pl.col("os_family").is_in(_BOUND_SYSTEMS) & ended,
            pl.format("{} runs on few other platforms, and its support has ended", "os_family"),
        ),
        _Rule(
            Way.RETAIN,
            pl.col("os_family").is_in(_BOUND_SYSTEMS),
            pl.format("{} runs on few other platforms", "os_family"),
        ),
        _Rule(
            Way.REPURCHASE,
            application.str.contains(_SERVICES),
            pl.lit("software of this kind is usually bought as a service"),
        ),
        _Rule(Way.REPLATFORM, database, pl.lit("a database, which a managed service can run")),
        _Rule(Way.REPLATFORM, system_ended, pl.format("the support of {} has ended", "what")),
        _Rule(Way.RETAIN, kind == "storage", pl.lit("its data moves with the servers that use it")),
    ]


def by_application(proposed: pl.DataFrame) -> pl.DataFrame:
    """A proposal for each application: the way of most of its assets that are not retired.

    Returns:
        `application`, `assets`, `way`, `reason` (of most of them), and `other_ways`: how many of its assets go which
        other way, in words. The largest first; assets without an application are left out.
    """
    named = proposed.filter(pl.col("application").is_not_null())
    counted = named.group_by("application", "way").agg(pl.len().alias("count"), pl.col("reason").mode().first())
    # An application is retired only as a whole.
    ranked = counted.with_columns((pl.col("way") == Way.RETIRE.value).alias("_last")).sort(
        "application", "_last", "count", "way", descending=[False, False, True, False]
    )
    words = pl.format("{} {}", "count", "way")
    return (
        ranked.group_by("application", maintain_order=True)
        .agg(
            pl.col("count").sum().alias("assets"),
            pl.col("way").first(),
            pl.col("reason").first(),
            words.slice(1).str.join(", ").alias("other_ways"),
        )
        .sort("assets", "application", descending=[True, False])
    )
