"""What identifies a record, brought to one form for comparing; and which values are shared by many assets."""

from __future__ import annotations

import polars as pl

# MAC addresses of groups of routers (VRRP, HSRP, GLBP, CARP), of broadcasts and multicasts, and of containers' bridges.
_SHARED_MAC = r"^(?:00:00:5e|00:00:0c:07:ac|00:00:0c:9f:f|00:05:73:a0|00:07:b4|02:42:|.[13579bdf]:)"
# Addresses that devices give themselves, and that of a container's bridge on every host.
_SHARED_IP = r"^(?:169\.254\.|fe80:|172\.1[78]\.0\.1$|192\.168\.122\.1$|10\.0\.2\.15$|f[0-9a-f]{3}::1$)"
_UUID = r"^[0-9a-f]{32}$"
# How people call a record that another one has replaced.
_REPLACED = (
    r"[-_. (]+(?:old|alt|ancien|vieux|vecchio|viejo|antiguo|velho|oud|gammal|gammel|vanha|stary|stare|starý|régi|eski|"
    r"orig|original|copy|copie|copia|cópia|kopie|kopia|dup|duplicate|decom|retired|deleted|orphan)\)?$| ?\(\d\)$"
)
_MANY = 3
_HOST_SERIALS = 0.3
"""From this share on of records whose serial number many names share, a file's serial numbers are those of hosts."""


def identities(frame: pl.DataFrame) -> pl.DataFrame:
    """What identifies each record of a cleansed frame (see `cleansing.Cleansed`), in the order of the frame.

    Columns: `index`; `source` (file and sheet); `serial` (letters and digits, in lower case), `serial_plain` (as people
    and spreadsheets distort it: without leading zeros, and with digits for letters that look alike), `uuid` (whether
    the serial number is one); `macs` and `ips` (lists, without those that many devices have by design); `fqdn`; `short`
    (the name without a domain), `squeezed` (without punctuation), `plain` (also without leading zeros of numbers),
    `stem` (without what marks a replaced record, such as `-old`), `digits` (those in the name).
    """
    text = pl.col("serial_number").str.to_lowercase().str.replace_all(r"[\W_]", "")
    short = pl.coalesce(
        pl.col("name").str.to_lowercase(),
        pl.col("fqdn").str.split(".").list.first(),
    )
    base = frame.with_row_index("index").select(
        "index",
        pl.concat_str("_file", pl.lit("\n"), "_sheet").alias("source"),
        # A short word without digits is a word, and no serial number.
        pl.when((text.str.len_chars() > 7) | (text.str.contains(r"\d") & (text.str.len_chars() > 1)))
        .then(text)
        .alias("serial"),
        _kept("mac_address", _SHARED_MAC).alias("macs"),
        _kept("ip_address", _SHARED_IP).alias("ips"),
        pl.col("fqdn").str.to_lowercase(),
        short.alias("short"),
        pl.col("vendor").str.to_lowercase(),
        pl.col("model").str.to_lowercase(),
        pl.col("owner").str.to_lowercase(),
        pl.col("location").str.to_lowercase(),
        pl.col("application").str.to_lowercase(),
        pl.col("type_class"),
        pl.col("os").str.to_lowercase(),
    )
    squeezed = pl.col("short").str.replace_all(r"[\W_]+", "")
    base = base.with_columns(
        _undistorted("serial").alias("serial_plain"),
        pl.col("serial").str.contains(_UUID).fill_null(False).alias("uuid"),
        pl.when(squeezed.str.len_chars() > 1).then(squeezed).alias("squeezed"),
    )
    base = base.with_columns(
        pl.col("squeezed").str.replace_all(r"(^|\D)0+(\d)", "${1}${2}").alias("plain"),
        pl.col("short").str.replace(_REPLACED, "").str.replace_all(r"[\W_]+", "").alias("stem"),
        pl.col("short").str.replace_all(r"\D", "").alias("digits"),
    )
    return base.with_columns(_serials_of_hosts(base).alias("host_serial"))


def _kept(column: str, pattern: str) -> pl.Expr:
    kept = pl.col(column).list.filter(~pl.element().str.contains(pattern))
    return pl.when(kept.list.len() > 0).then(kept)


def _undistorted(column: str) -> pl.Expr:
    alike = pl.col(column).str.replace_all("o", "0").str.replace_all("[il]", "1")
    return alike.str.strip_chars_start("0")


def _serials_of_hosts(base: pl.DataFrame) -> pl.Series:
    """For each record, whether its serial number is that of a host, a frame, or an enclosure, or a default of many."""
    records = base.select("index", "source", "serial", "short", pl.col("macs").list.first().alias("mac"))
    shared = (
        records.filter(pl.col("serial").is_not_null())
        .group_by("source", "serial")
        .agg(
            pl.len().alias("records"),
            pl.col("short").drop_nulls().n_unique().alias("names"),
            pl.col("mac").drop_nulls().n_unique().alias("macs"),
        )
        .filter((pl.col("names") >= _MANY) & ((pl.col("macs") >= _MANY) | (pl.col("macs") == 0)))
    )
    marked = records.join(shared, on=["source", "serial"], how="left", maintain_order="left")
    many = marked["records"].is_not_null()
    share = (
        marked.with_columns(many.alias("many"))
        .filter(pl.col("serial").is_not_null())
        .group_by("source")
        .agg((pl.col("many").mean() > _HOST_SERIALS).alias("hosts"))
    )
    of_source = marked.join(share, on="source", how="left", maintain_order="left")["hosts"].fill_null(False)
    return many | of_source


def without_shared(base: pl.DataFrame) -> pl.DataFrame:
    """The identities without the addresses and domain names that records with contradicting identities share.

    They identify a dock, a router's shared address, an address translation, or a host, and no asset.
    """
    own_serial = pl.col("serial").filter(~pl.col("host_serial")).drop_nulls().n_unique() >= _MANY
    own_mac = pl.col("mac").drop_nulls().n_unique() >= _MANY
    names = pl.col("short").drop_nulls().n_unique() >= _MANY
    base = base.with_columns(pl.col("macs").list.first().alias("mac"))
    for column, contradiction in (("macs", own_serial & names), ("ips", (own_serial | own_mac) & names)):
        rows = base.select("short", "serial", "host_serial", "mac", pl.col(column).alias("value")).explode("value")
        shared = rows.drop_nulls("value").group_by("value").agg(contradiction.alias("shared")).filter("shared")["value"]
        if len(shared):
            kept = pl.col(column).list.set_difference(pl.lit(shared.to_list(), dtype=pl.List(pl.String)))
            base = base.with_columns(pl.when(kept.list.len() > 0).then(kept).alias(column))
    shared_name = (pl.col("short").n_unique().over("fqdn") >= _MANY) & pl.col("fqdn").is_not_null()
    return base.with_columns(pl.when(~shared_name).then("fqdn").alias("fqdn")).drop("mac")
