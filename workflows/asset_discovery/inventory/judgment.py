"""Whether two records are one asset: what agrees, what differs, and what follows."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import polars as pl
from rapidfuzz import fuzz, process

_SIMILAR = 88


class Verdict(StrEnum):
    """`SAME`: one asset. `DOUBTFUL`: people decide. `DISTINCT`: look-alikes. `UNRELATED`: not worth a word."""

    SAME = "same"
    DOUBTFUL = "doubtful"
    DISTINCT = "distinct"
    UNRELATED = "unrelated"


def judged(base: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """The pairs with what was compared, and `verdict` with `score` (the surest first when groups are formed).

    Args:
        base: See `identities` and `without_shared`.
        pairs: See `candidates`.
    """
    compared = _compared(base, pairs)
    verdict, score = _verdict()
    return compared.with_columns(verdict.alias("verdict"), score.alias("score"))


def _compared(base: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    names = [name for name in base.columns if name != "index"]
    left = base.select(names)[pairs["a"]].rename({name: f"{name}_a" for name in names})
    right = base.select(names)[pairs["b"]].rename({name: f"{name}_b" for name in names})
    both = pl.concat([pairs, left, right], how="horizontal")
    alike = process.cpdist(
        both["short_a"].fill_null("").to_list(), both["short_b"].fill_null("").to_list(), scorer=fuzz.ratio, workers=1
    )
    return both.select("a", "b", **_agreements(), **_differences(), **_circumstances(), name_similar=_similar(alike))


def _similar(alike: Any) -> pl.Expr:
    return _differ("short") & (pl.Series(alike) >= _SIMILAR) & _equal("digits")


def _agreements() -> dict[str, pl.Expr]:
    own_serials = ~(pl.col("host_serial_a") | pl.col("host_serial_b"))
    long = (pl.col("uuid_a") & pl.col("uuid_b")) | (pl.col("serial_a").str.len_chars() >= 16)
    return {
        "serial_equal": _equal("serial") & own_serials,
        "serial_alike": _equal("serial_plain") & ~_equal("serial") & own_serials,
        "serial_global": long.fill_null(False),
        "mac_equal": _overlap("macs"),
        "ip_equal": _overlap("ips"),
        "fqdn_equal": _equal("fqdn"),
        "name_equal": _equal("short"),
        "name_alike": _equal("plain") & ~_equal("short"),
        "name_replaced": _equal("stem") & ~_equal("plain"),
    }


def _differences() -> dict[str, pl.Expr]:
    own_serials = ~(pl.col("host_serial_a") | pl.col("host_serial_b"))
    # A platform's UUID and a manufacturer's number of one asset differ.
    one_kind = pl.col("uuid_a") == pl.col("uuid_b")
    with_domain = pl.col("fqdn_a").str.contains(".", literal=True) & pl.col("fqdn_b").str.contains(".", literal=True)
    return {
        "serial_differ": _differ("serial") & ~_equal("serial_plain") & own_serials & one_kind,
        "mac_differ": _disjoint("macs"),
        "ip_differ": _disjoint("ips"),
        "fqdn_differ": _differ("fqdn") & with_domain.fill_null(False),
        "name_differ": _differ("short") & ~_equal("plain") & ~_equal("stem"),
        "vendor_differ": _differ("vendor"),
        "type_differ": _differ("type_class"),
    }


def _circumstances() -> dict[str, pl.Expr]:
    supporting = ("vendor", "model", "owner", "location", "application", "os")
    contrasting = ("vendor", "model", "owner", "location", "os", "type_class")
    return {
        "support": pl.sum_horizontal(_equal(name).cast(pl.Int8) for name in supporting),
        "contrast": pl.sum_horizontal(_differ(name).cast(pl.Int8) for name in contrasting),
        "specific": pl.col("digits_a").str.len_chars().fill_null(0) > 0,
        "other_source": pl.col("source_a") != pl.col("source_b"),
    }


def _equal(name: str) -> pl.Expr:
    return (pl.col(f"{name}_a") == pl.col(f"{name}_b")).fill_null(False)


def _differ(name: str) -> pl.Expr:
    return (pl.col(f"{name}_a") != pl.col(f"{name}_b")).fill_null(False)


def _overlap(name: str) -> pl.Expr:
    return (pl.col(f"{name}_a").list.set_intersection(f"{name}_b").list.len() > 0).fill_null(False)


def _disjoint(name: str) -> pl.Expr:
    return (pl.col(f"{name}_a").list.set_intersection(f"{name}_b").list.len() == 0).fill_null(False)


def _verdict() -> tuple[pl.Expr, pl.Expr]:
    """The verdict and its score, from the columns of `_compared`; the first rule that applies decides."""
    c = pl.col
    other_key = c("mac_equal") | c("ip_equal") | c("name_equal") | c("fqdn_equal")
    same_name = (c("name_equal") | c("fqdn_equal")) & ~c("name_differ")
    alike = (c("support") >= 2) & ~c("vendor_differ") & ~c("type_differ")
    rules: list[tuple[pl.Expr, Verdict, int]] = [
        # Serial numbers agree.
        (c("serial_equal") & c("mac_differ") & c("name_differ"), Verdict.DOUBTFUL, 50),
        (c("serial_equal") & c("vendor_differ") & c("name_differ"), Verdict.DOUBTFUL, 50),
        (c("serial_equal") & (c("mac_equal") | same_name), Verdict.SAME, 100),
        (c("serial_equal") & c("name_differ") & c("ip_differ") & ~c("serial_global") & ~alike, Verdict.DOUBTFUL, 55),
        (c("serial_equal"), Verdict.SAME, 90),
        (c("serial_alike") & (c("mac_equal") | (same_name & c("ip_equal"))), Verdict.SAME, 85),
        (c("serial_alike") & other_key & ~c("mac_differ"), Verdict.DOUBTFUL, 60),
        # Serial numbers contradict each other.
        (c("serial_differ") & c("mac_equal") & same_name & c("ip_equal"), Verdict.SAME, 60),
        (c("serial_differ") & c("mac_equal") & same_name, Verdict.DOUBTFUL, 40),
        (c("serial_differ"), Verdict.DISTINCT, 0),
        # Hardware addresses agree, and no serial number contradicts.
        (c("mac_equal") & (same_name | c("ip_equal") | c("name_alike")), Verdict.SAME, 95),
        (c("mac_equal") & c("name_replaced"), Verdict.SAME, 85),
        (c("mac_equal") & c("name_differ") & (c("support") >= 4) & (c("contrast") == 0), Verdict.SAME, 70),
        (c("mac_equal") & c("name_differ"), Verdict.DOUBTFUL, 50),
        (c("mac_equal") & c("type_differ") & c("vendor_differ"), Verdict.DOUBTFUL, 50),
        (c("mac_equal"), Verdict.SAME, 80),
        # Names agree; nothing of the hardware does.
        (same_name & c("mac_differ") & c("ip_equal"), Verdict.DOUBTFUL, 45),
        (same_name & c("mac_differ"), Verdict.DISTINCT, 0),
        (same_name & c("fqdn_differ"), Verdict.DISTINCT, 0),
        (same_name & c("ip_equal"), Verdict.SAME, 85),
        (same_name & c("ip_differ"), Verdict.DOUBTFUL, 40),
        (same_name & c("vendor_differ") & c("type_differ"), Verdict.DOUBTFUL, 35),
        (same_name & c("fqdn_equal"), Verdict.SAME, 75),
        (c("fqdn_equal"), Verdict.DOUBTFUL, 35),
        (c("name_equal") & c("specific") & c("other_source"), Verdict.SAME, 70),
        (c("name_equal") & c("specific") & (c("support") >= 3) & (c("contrast") == 0), Verdict.SAME, 70),
        (c("name_equal") & (c("contrast") >= 3), Verdict.DISTINCT, 0),
        (c("name_equal"), Verdict.DOUBTFUL, 50),
        # Names are written differently.
        (c("name_alike") & c("mac_differ"), Verdict.DISTINCT, 0),
        (c("name_alike") & c("ip_equal"), Verdict.SAME, 75),
        (c("name_alike") & (c("support") >= 3) & (c("contrast") == 0) & ~c("ip_differ"), Verdict.DOUBTFUL, 40),
        (c("name_replaced") & c("mac_differ"), Verdict.DISTINCT, 0),
        (c("name_replaced") & (c("ip_equal") | ((c("support") >= 2) & (c("contrast") <= 1))), Verdict.DOUBTFUL, 45),
        (c("name_similar") & c("ip_equal") & ~c("mac_differ"), Verdict.DOUBTFUL, 45),
        (c("name_similar") & (c("support") >= 3) & ~c("ip_differ") & ~c("mac_differ"), Verdict.DOUBTFUL, 30),
        # Only an IP address is shared.
        (c("ip_equal") & (c("mac_differ") | c("name_differ")), Verdict.DISTINCT, 0),
        (c("ip_equal") & (c("support") >= 2) & (c("contrast") == 0), Verdict.SAME, 65),
        # A scan knows addresses, where a register knows names.
        (c("ip_equal") & c("other_source") & (c("contrast") == 0), Verdict.SAME, 60),
        (c("ip_equal"), Verdict.DOUBTFUL, 35),
    ]  # fmt: skip
    verdict: pl.Expr = pl.lit(Verdict.UNRELATED.value)
    score: pl.Expr = pl.lit(0)
    for condition, result, points in reversed(rules):
        verdict = pl.when(condition).then(pl.lit(result.value)).otherwise(verdict)
        score = pl.when(condition).then(pl.lit(points)).otherwise(score)
    return verdict, score
