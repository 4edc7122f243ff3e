"""Licenses at a glance: how many machines, processors, and cores run what is usually paid for."""

from __future__ import annotations

import polars as pl

LICENSED_SYSTEMS = (
    "Windows Server", "Windows", "Red Hat Enterprise Linux", "SUSE Linux Enterprise Server", "VMware ESXi", "AIX",
    "HP-UX", "Solaris", "IBM i", "z/OS", "z/VM", "Citrix Hypervisor", "Hyper-V Server",
)  # fmt: skip
"""Families of operating systems that are usually paid for, by machine or by core."""
_PRODUCTS = {
    "Oracle Database": r"\boracle\b",
    "Microsoft SQL Server": r"\bsql ?server\b|\bmssql\b",
    "Microsoft Exchange": r"\bexchange\b",
    "Microsoft SharePoint": r"\bsharepoint\b",
    "SAP": r"\bsap\b|\bs/?4 ?hana\b|\bhana\b",
    "IBM Db2": r"\bdb2\b",
    "IBM WebSphere": r"\bwebsphere\b",
    "Citrix": r"\bcitrix\b|\bxenapp\b|\bxendesktop\b",
    "Splunk": r"\bsplunk\b",
    "Veeam": r"\bveeam\b",
}


def licenses(assets: pl.DataFrame) -> pl.DataFrame:
    """What is usually paid for, by operating system, and by the names of applications.

    Returns:
        `product`, `release` (of an operating system; else empty), `assets`, `cpus` (those known), and `unsized` (assets
        whose processors are not known). A figure to begin with, and no proof of what has to be licensed.
    """
    used = assets.filter(~pl.col("status_class").fill_null("").is_in(["retired", "planned"]))
    systems = used.filter(pl.col("os_family").is_in(LICENSED_SYSTEMS)).select(
        pl.col("os_family").alias("product"), pl.col("os_release").fill_null("").alias("release"), "cpu_count"
    )
    # Not by the names of assets: a host called db2 is no Db2.
    text = pl.col("application").str.to_lowercase().str.replace_all("oracle linux", "")
    products = [
        used.filter(text.str.contains(pattern)).select(
            pl.lit(product).alias("product"), pl.lit("").alias("release"), "cpu_count"
        )
        for product, pattern in _PRODUCTS.items()
    ]
    return (
        pl.concat([systems, *products])
        .group_by("product", "release")
        .agg(
            pl.len().alias("assets"),
            pl.col("cpu_count").sum().cast(pl.Int64).alias("cpus"),
            pl.col("cpu_count").is_null().sum().alias("unsized"),
        )
        .sort("product", "release")
    )
