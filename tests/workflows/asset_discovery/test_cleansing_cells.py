"""Amounts, dates, and words, as people and programs of many countries write them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from workflows.asset_discovery.cleansing import dates, numbers
from workflows.asset_discovery.cleansing.categories import categories
from workflows.asset_discovery.cleansing.dates import DateStyle, DayPlace, read_date
from workflows.asset_discovery.cleansing.numbers import NumberReader, NumberStyle, unit_power
from workflows.asset_discovery.cleansing.rules import Rule
from workflows.asset_discovery.cleansing.systems import system_of
from workflows.asset_discovery.cleansing.texts import looks_misread, without_noise
from workflows.asset_discovery.cleansing.vendors import vendor_of
from workflows.asset_discovery.cleansing.words import stands_for_above, stands_for_nothing
from workflows.asset_discovery.fields import Field

DISK = NumberReader(3, 3)
MEMORY = NumberReader(2, 2)
COUNT = NumberReader(None)


@pytest.mark.parametrize(
    ("reader", "text", "expected"),
    [
        (MEMORY, "16384", 16384), (MEMORY, "16 GB", 16384), (MEMORY, "16GiB", 16384), (MEMORY, "16 Go", 16384),
        (MEMORY, "0,5 TB", 524288), (MEMORY, "16.0 GB", 16384), (MEMORY, "8388608 KB", 8192),
        (MEMORY, "16 ГБ", 16384),
        (MEMORY, "16,384", 16384), (MEMORY, "16 384", 16384), (MEMORY, "16'384 MB", 16384),
        (MEMORY, "00016384", 16384),
        (MEMORY, "17179869184 bytes", 16384), (MEMORY, "2 x 8 GB", 16384), (MEMORY, "16 GB (2x8)", 16384),
        (MEMORY, "16 GB DDR4", 16384), (MEMORY, "8 GB + 8 GB", 16384), (MEMORY, "ca. 16 GB", 16384),
        (MEMORY, "16 gigabytes", 16384), (MEMORY, "64GB ECC RAM", 65536),
        (DISK, "2 x 480 GB SSD", 960), (DISK, "1,5 To", 1536), (DISK, "20, 200, 200", 420),
        (DISK, "20; 200; 200", 420),
        (DISK, "100 GB + 2 TB", 2148), (DISK, "SSD 256 GB", 256), (DISK, "1.82 TB", 1863.68),
        (DISK, "2,000.00", 2000),
        (DISK, "1.000,50", 1000.5), (DISK, "512000 MB", 500), (DISK, "[20, 200]", 220),
        (COUNT, "8", 8), (COUNT, "0008", 8), (COUNT, "4 (2x2)", 4), (COUNT, "2 x 8", 16), (COUNT, "8 vCPU", 8),
        (COUNT, "8 cores", 8), (COUNT, "8 Kerne", 8), (COUNT, "2 x 2.4 GHz", 2), (COUNT, "8.0", 8),
        (COUNT, "16 cœurs", 16), (COUNT, "8 cores / 16 threads", 8), (COUNT, "8C/16T", 8),
        (COUNT, "2 CPUs x 8 cores", 16),
        (COUNT, "2 sockets, 8 cores", 8), (COUNT, "Quad-Core", 4), (DISK, "500GB HDD SATA 7200rpm", 500),
        (DISK, "16.384 MB", 16),
        (MEMORY, "Kingston 16 GB", 16384), (DISK, "2×16GB DDR4-3200", 32),
    ],
)  # fmt: skip
def test_numbers_are_read_in_the_unit_of_their_field(reader: NumberReader, text: str, expected: float):
    found = reader.read(text)
    assert (found.value, found.problem) == (pytest.approx(expected), "")


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (MEMORY, "lots"), (MEMORY, "-4096"), (MEMORY, "#VALUE!"), (MEMORY, "0001638M"), (MEMORY, "n.a. MB?"),
        (MEMORY, "0"), (COUNT, "0"), (COUNT, "four-ish"), (COUNT, "-8"), (COUNT, "2.5"), (COUNT, "2.4 GHz"),
        (DISK, "12/34/56"), (DISK, "1,2,3"), (MEMORY, "16 Äpfel"), (MEMORY, "8192mb?"),
    ],
)  # fmt: skip
def test_what_is_no_amount_is_a_problem(reader: NumberReader, text: str):
    found = reader.read(text)
    assert found.value is None
    assert found.problem
    assert found.rule is Rule.INVALID


def test_one_cell_of_a_column_tells_what_its_commas_and_points_separate():
    assert numbers.style_of(["1,000", "2,5"]).comma_decimal is True
    assert NumberReader(3, 3, style=numbers.style_of(["1,000", "2,5"])).read("1,000").value == 1
    assert NumberReader(3, 3, style=numbers.style_of(["1,000", "2.5"])).read("1,000").value == 1000
    assert NumberReader(3, 3, style=numbers.style_of(["1.000", "2.000,5"])).read("1.000").value == 1000
    assert numbers.style_of(["1.000.000"]) == NumberStyle(None, False)
    guessed = NumberReader(3, 3).read("1.000")
    assert (guessed.value, guessed.rule) == (1, Rule.NUMBER_GUESSED)


@pytest.mark.parametrize(
    ("unit", "power"),
    [("B", 0), ("bytes", 0), ("KB", 1), ("KiB", 1), ("ko", 1), ("MB", 2), ("Mio", 2), ("Мб", 2), ("GB", 3), ("G", 3),
     ("Go", 3), ("Gigabyte", 3), ("To", 4), ("ТБ", 4), ("PB", 5), ("MHz", None), ("cores", None), ("", None)],
)  # fmt: skip
def test_units_of_bytes(unit: str, power: int | None):
    assert unit_power(unit) == power


@pytest.mark.parametrize(
    ("target", "values", "power"),
    [(2, [8388608.0, 16777216.0], 1), (2, [8192.0, 16384.0], 2), (2, [8.0, 16.0, 32.0], 3), (2, [1.7e10], 0),
     (3, [500.0, 1000.0], 3), (3, [508559.0, 254279.0], 2), (3, [0.5, 1.0, 2.0], 4), (3, [5e11], 0), (3, [], 3)],
)  # fmt: skip
def test_a_unit_that_nobody_states_is_guessed_from_the_size(target: int, values: list[float], power: int):
    assert numbers.guessed_power(target, values) == power


DAY_FIRST = DateStyle(DayPlace.FIRST, sure=True)
MONTH_FIRST = DateStyle(DayPlace.SECOND, sure=True)


@pytest.mark.parametrize(
    ("text", "style", "expected"),
    [
        ("2021-04-03", DAY_FIRST, "2021-04-03"), ("2021-04-03T10:11:12+02:00", DAY_FIRST, "2021-04-03"),
        ("2021/4/3", DAY_FIRST, "2021-04-03"), ("20210403", DAY_FIRST, "2021-04-03"),
        ("03.04.2021", DAY_FIRST, "2021-04-03"), ("3.4.21", DAY_FIRST, "2021-04-03"),
        ("03/04/2021", DAY_FIRST, "2021-04-03"), ("04/03/2021", MONTH_FIRST, "2021-04-03"),
        ("4/3/2021 9:14:02 AM", MONTH_FIRST, "2021-04-03"), ("03-04-21", DAY_FIRST, "2021-04-03"),
        ("April 2021", DAY_FIRST, "2021-04-01"), ("04/2021", DAY_FIRST, "2021-04-01"),
        ("2021-04", DAY_FIRST, "2021-04-01"),
        ("1er mars 2021", DAY_FIRST, "2021-03-01"), ("3 kwietnia 2021", DAY_FIRST, "2021-04-03"),
        ("3 de abril de 2021", DAY_FIRST, "2021-04-03"), ("April 3, 2021", DAY_FIRST, "2021-04-03"),
        ("3-Apr-2021", DAY_FIRST, "2021-04-03"), ("Sat, 3 Apr 2021 10:00:00 GMT", DAY_FIRST, "2021-04-03"),
        ("3 апреля 2021 г.", DAY_FIRST, "2021-04-03"), ("août 2020", DAY_FIRST, "2020-08-01"),
        ("2021年4月3日", DAY_FIRST, "2021-04-03"), ("2021년 4월 3일", DAY_FIRST, "2021-04-03"),
        ("令和3年4月3日", DAY_FIRST, "2021-04-03"),
        ("44289", DAY_FIRST, "2021-04-03"), ("2017202", DAY_FIRST, "2017-07-21"),
        ("1617408000", DAY_FIRST, "2021-04-03"),
        ("1617408000000", DAY_FIRST, "2021-04-03"), ("Q2 2021", DAY_FIRST, "2021-04-01"),
        ("2021-W13", DAY_FIRST, "2021-03-29"),
        ("KW 13/2021", DAY_FIRST, "2021-03-29"), ("2021", DAY_FIRST, "2021-01-01"),
        ("3 Nisan 2021", DAY_FIRST, "2021-04-03"),
        ("3 mars 2021", DAY_FIRST, "2021-03-03"), ("03/04/2564", DAY_FIRST, "2021-04-03"),
        ("3.IV.2021", DAY_FIRST, "2021-04-03"), ("H2 2021", DAY_FIRST, "2021-07-01"),
        ("Saturday, April 3, 2021", DAY_FIRST, "2021-04-03"), ("ca. 2021", DAY_FIRST, "2021-01-01"),
        ("2021-04-03 (est.)", DAY_FIRST, "2021-04-03"), ("20210403T101112Z", DAY_FIRST, "2021-04-03"),
    ],
)  # fmt: skip
def test_dates(text: str, style: DateStyle, expected: str):
    found = read_date(text, style)
    assert isinstance(found.value, date)
    assert (found.value.isoformat(), found.problem) == (expected, "")


@pytest.mark.parametrize("text", ["30/02/2027", "31.02.2021", "13/32/2026", "2021-02-30", "2021-13-01", "2027366"])
def test_a_date_that_the_calendar_lacks_is_a_problem(text: str):
    assert read_date(text, DAY_FIRST).problem


def test_amounts_that_are_not_understood_are_left_out_without_a_problem():
    for reader, text in ((MEMORY, "16GB/32GB"), (COUNT, "2 x Intel Xeon Gold 6230")):
        assert reader.read(text) == dates.Outcome(None, Rule.UNREADABLE)


def test_memory_in_another_unit_than_the_rest_of_its_column_is_converted():
    reader = NumberReader(2, 2, typical=16384)
    assert (reader.read("16").value, reader.read("16").rule) == (16384, Rule.UNIT_GUESSED)
    assert reader.read("512").value == 512


@pytest.mark.parametrize("text", ["Ostern 2020", "2021/22", "next year", "soon", "with the lease"])
def test_words_that_name_no_date_are_left_out_without_a_problem(text: str):
    assert read_date(text, DAY_FIRST) == dates.Outcome(None, Rule.UNREADABLE)


@pytest.mark.parametrize("text", ["0000000", "9999999", "0000-00-00", "9999-12-31", "1970-01-01", "unlimited"])
def test_dates_that_stand_for_none(text: str):
    assert read_date(text, DAY_FIRST) == dates.Outcome(None, Rule.NO_DATE)


def test_the_order_of_day_and_month_is_decided_by_what_the_column_shows():
    assert dates.style_of(["03/04/2021", "25/12/2020"]) == DAY_FIRST
    assert dates.style_of(["03/04/2021", "12/25/2020"]) == MONTH_FIRST
    assert dates.style_of(["03/04/2021"], others=(0, 9)) == MONTH_FIRST
    unsure = dates.style_of(["03/04/2021"])
    assert not unsure.sure
    assert read_date("03/04/2021", unsure).rule is Rule.DATE_ORDER


@pytest.mark.parametrize(
    "text",
    ["N/A", "n/a", "NA", "-", "---", "?", "********", "(empty)", "#N/A", "NULL", "None", "unknown", "TBD", "k.A.",
     "k. A.",
     "entf.", "unbekannt", "néant", "s.o.", "n.c.", "NR", "sin datos", "ninguno", "non disponibile",
     "não aplicável", "n.v.t.",
     "ukendt", "saknas", "ei tiedossa", "brak danych", "neuvedeno", "nincs", "yok", "нет данных", "н/д", "なし",
     "不明", "无", "없음"],
)  # fmt: skip
def test_words_that_stand_for_nothing(text: str):
    assert stands_for_nothing(text)


@pytest.mark.parametrize("text", ["Nantes", "web01", "0", "Non-production", "NAS", "ABC"])
def test_words_that_stand_for_something(text: str):
    assert not stands_for_nothing(text)
    assert not stands_for_above(text)


def test_two_letters_are_a_code_in_a_column_of_codes():
    assert not stands_for_nothing("NA", codes=True)
    assert stands_for_nothing("n/a", codes=True)


@pytest.mark.parametrize(
    "text", ['"', "//", "idem", "dto.", "dito", '-"-', "''", "ditto", "〃", "同上", "jw.", "c.s.", "то же"]
)
def test_ditto_marks(text: str):
    assert stands_for_above(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("  Dell Inc. ", "Dell Inc."), ("HPE\u00a0 ", "HPE"), ("arch\x00ive", "archive"), ("VSV-003_x000D_", "VSV-003"),
     ("a\u200bb", "ab"), ('="357912345678901"', "357912345678901"), ("Portal &amp; Quotes", "Portal & Quotes"),
     ("a  b\n c", "a b c"),
     ("=1+2", "=1+2"), ("AT&T", "AT&T")],
)  # fmt: skip
def test_invisible_characters_are_removed(text: str, expected: str):
    assert without_noise(text) == expected


@pytest.mark.parametrize(
    ("text", "misread"),
    [
        ("ZÃ¼rich", True),
        ("KÃ¸benhavn", True),
        ("M\ufffdnchen", True),
        ("Zürich", False),
        ("Außenstelle", False),
        ("Москва", False),
        ("SÃO PAULO", False),
    ],
)
def test_text_in_the_wrong_encoding_is_seen(text: str, misread: bool):
    assert looks_misread(text) is misread


@pytest.mark.parametrize(
    ("text", "vendor"),
    [("Dell Inc.", "Dell"), ("DELL", "Dell"), ("LENOVO", "Lenovo"), ("HP", "HP"), ("HP Inc.", "HP"),
     ("HPE", "HPE"), ("Hewlett Packard", "Hewlett-Packard"),
     ("Hewlett Packard Enterprise", "HPE"), ("Cisco Systems, Inc.", "Cisco"), ("VMware, Inc.", "VMware"),
     ("HPE Aruba", "Aruba"), ("Fujitsu Siemens", "Fujitsu"),
     ("Leonvo", "Leonvo"), ("Supermciro", "Supermciro"), ("Super Micro Computer", "Supermicro"),
     ("Juniper Network", "Juniper"), ("Nobody GmbH", "Nobody GmbH")],
)  # fmt: skip
def test_manufacturers_have_one_name(text: str, vendor: str):
    assert vendor_of(text) == vendor


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("Windows Server 2019 Standard", "10.0.17763", ("Windows Server", "2019")),
        ("Microsoft Windows Server 2022 (64-bit)", "", ("Windows Server", "2022")),
        ("Windows", "10.0.22631.3447", ("Windows", "11 23H2")), ("Windows 10 Pro", "22H2", ("Windows", "10 22H2")),
        ("Linux Red Hat", "8.10", ("Red Hat Enterprise Linux", "8.10")),
        ("Ubuntu 22.04.3 LTS", "", ("Ubuntu", "22.04.3")),
        ("SLES", "15 SP4", ("SUSE Linux Enterprise Server", "15 SP4")),
        ("VMware ESXi", "7.0.3", ("VMware ESXi", "7.0.3")),
        ("Windows Server 2012 R2", "", ("Windows Server", "2012 R2")),
        ("IOS-XE", "17.9.4a", ("Cisco IOS XE", "17.9.4a")),
        ("Siemens SIMATIC S7-1500", "", ("Siemens SIMATIC S7-1500", "")),
        ("Red Hat Enterprise Linux 9 (64-bit)", "", ("Red Hat Enterprise Linux", "9")),
    ],
)  # fmt: skip
def test_operating_systems_and_their_releases(name: str, version: str, expected: tuple[str, str]):
    found = system_of(name, version)
    assert (found.family, found.release) == expected


@pytest.mark.parametrize(
    ("field", "texts", "expected"),
    [
        (Field.ENVIRONMENT, ["Produktiv", "Schulung", "PROD-EU", "Präproduktion", "Mond"],
         ["production", "training", "production", "acceptance", None]),
        (Field.ENVIRONMENT, ["P", "A", "T", "E"], ["production", "acceptance", "test", "development"]),
        (Field.STATUS, ["poweredOn", "poweredOff", "En stock", "Réformé"],
         ["in use", "stopped", "in stock", "retired"]),
        (Field.CRITICALITY, ["T1", "T2", "T3", "T4"], ["highest", "high", "medium", "low"]),
        (Field.CRITICALITY, ["sehr hoch", "hoch", "normal"], ["highest", "high", "medium"]),
        (Field.ASSET_TYPE, ["virt. Server", "Drucker", "cmdb_ci_linux_server"],
         ["virtual machine", "printer", "server"]),
    ],
)  # fmt: skip
def test_classes(field: Field, texts: list[str], expected: list[Any]):
    found = categories(field, texts)
    assert [found[text].name or None for text in texts] == expected


def test_a_code_is_marked_as_a_convention_and_never_read_among_words():
    assert not categories(Field.ENVIRONMENT, ["P", "T"])["P"].sure
    assert categories(Field.ENVIRONMENT, ["P", "Production", "Testing", "Development"])["P"].name == ""
