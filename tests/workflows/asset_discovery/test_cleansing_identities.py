"""Addresses, names, and serial numbers, as people and programs of many countries write them."""

from __future__ import annotations

import pytest

from workflows.asset_discovery.cleansing.addresses import read_ips, read_macs
from workflows.asset_discovery.cleansing.names import KnownDomains, read_fqdn, read_name, read_names
from workflows.asset_discovery.cleansing.rules import Rule
from workflows.asset_discovery.cleansing.serials import read_serial


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.5.2.90", ["10.5.2.90"]), ("172.030.004.198", ["172.30.4.198"]), ("10.5.2.90:3389", ["10.5.2.90"]),
        ("10.5.2.90/24", ["10.5.2.90"]), ("10.5.2.90/255.255.255.0", ["10.5.2.90"]),
        ("[2001:db8::9]:443", ["2001:db8::9"]),
        ("2001:DB8:0:0::9", ["2001:db8::9"]), ("fe80::1%eth0", ["fe80::1"]),
        ("10.5.1.12 / 10.5.1.13", ["10.5.1.12", "10.5.1.13"]),
        ("10.5.1.12,10.5.1.13", ["10.5.1.12", "10.5.1.13"]), ("10.5.1.12;10.5.1.13", ["10.5.1.12", "10.5.1.13"]),
        ("10.5.1.12\n10.5.1.13", ["10.5.1.12", "10.5.1.13"]), ("10.33.4.251 (fixe)", ["10.33.4.251"]),
        ("10.5.1.12 und 10.5.1.13", ["10.5.1.12", "10.5.1.13"]),
        ("10.60.9.9, fe80::250:56ff:feab:1", ["10.60.9.9", "fe80::250:56ff:feab:1"]),
        ("eth0: 10.5.1.12", ["10.5.1.12"]), ("['10.5.1.12', '10.5.1.13']", ["10.5.1.12", "10.5.1.13"]),
        ("::ffff:10.5.1.12", ["10.5.1.12"]), ("DHCP 10.5.1.12", ["10.5.1.12"]),
        ("10.5.1.12/10.5.1.13", ["10.5.1.12", "10.5.1.13"]),
        ("10.5.1.12-10.5.1.20", ["10.5.1.12", "10.5.1.20"]), ("http://10.5.1.12/", ["10.5.1.12"]),
        ("10.5.1.12.", ["10.5.1.12"]),
        ("DHCP (10.5.1.12)", ["10.5.1.12"]), ("10.5.1.12、10.5.1.13", ["10.5.1.12", "10.5.1.13"]),
    ],
)  # fmt: skip
def test_ip_addresses(text: str, expected: list[str]):
    found = read_ips(text)
    assert isinstance(found.value, tuple)
    assert (list(found.value), found.problem) == (expected, "")


@pytest.mark.parametrize(
    "text", ["10.20.311.9", "10.60.4", "10.40.8.", "10,33,4,9", "10.90.1.1000", "1.2.3.4.5", "::zz:1"]
)
def test_what_cannot_be_an_ip_address_is_a_problem(text: str):
    assert read_ips(text).problem


@pytest.mark.parametrize("text", ["DHCP", "dynamisch", "0.0.0.0", "127.0.0.1", "::1", "see ticket"])
def test_what_names_no_address_is_left_out(text: str):
    found = read_ips(text)
    assert (found.value, found.problem) == (None, "")


@pytest.mark.parametrize(
    "text",
    ["00:50:56:3F:1C:B1", "00-50-56-3F-1C-B1", "0050.563f.1cb1", "0050563F1CB1", "00 50 56 3F 1C B1",
     "0:50:56:3f:1c:b1",
     "005056-3f1cb1", "00_50_56_3f_1c_b1", "0050:563f:1cb1", "MAC: 00:50:56:3F:1C:B1"],
)  # fmt: skip
def test_all_notations_of_a_mac_address(text: str):
    assert read_macs(text).value == ("00:50:56:3f:1c:b1",)


def test_several_mac_addresses_in_a_cell():
    assert read_macs("00:50:56:3F:1C:B1; 0050563F1CB2").value == ("00:50:56:3f:1c:b1", "00:50:56:3f:1c:b2")


@pytest.mark.parametrize(
    "text", ["00:50:56:AB:12", "B4-99-BA-00-11-22-33", "00:17:A4:XX:01:02", "ZZ2F9D010A0C", "B8:27:EB:11:22"]
)
def test_what_cannot_be_a_mac_address_is_a_problem(text: str):
    assert read_macs(text).problem


@pytest.mark.parametrize(
    ("text", "rule"),
    [("00:00:00:00:00:00", Rule.PLACEHOLDER), ("FFFFFFFFFFFF", Rule.PLACEHOLDER), ("5.05E+11", Rule.PRECISION)],
)
def test_mac_addresses_of_no_device(text: str, rule: Rule):
    found = read_macs(text)
    assert (found.value, found.rule, found.problem) == (None, rule, "")


DOMAINS = KnownDomains.of(["web01.corp.alvera.example", "db01.corp.alvera.example."])


@pytest.mark.parametrize(
    ("text", "name", "moved"),
    [
        ("WEB02", "WEB02", ""), ("web02.corp.alvera.example", "web02", "web02.corp.alvera.example"),
        ("WEB02.corp.alvera.example.", "WEB02", "web02.corp.alvera.example"), ("web02.local", "web02", "web02.local"),
        ("Core.Switch", "Core.Switch", ""), ("printer 4.2", "printer 4.2", ""), ("\\\\WEB02", "WEB02", ""),
        ("10.1.2.3", "10.1.2.3", ""), ("localhost", None, ""),
        ("https://web02.corp.alvera.example:443/x", "web02", "web02.corp.alvera.example"),
    ],
)  # fmt: skip
def test_names(text: str, name: str | None, moved: str):
    found = read_name(text, DOMAINS)
    assert (found.value, found.moved) == (name, moved)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PRN-11.PLANT.EXAMPLE.", "prn-11.plant.example"),
        ("a.b.example", "a.b.example"),
        ("localhost.localdomain", None),
    ],
)
def test_domain_names(text: str, expected: str | None):
    assert read_fqdn(text).value == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mow-srv-001 und MOW-SRV-002", ["MOW-SRV-001", "MOW-SRV-002"]), ("mow-srv-001, x1", ["MOW-SRV-001", "x1"]),
        ("mow-srv-001 x-2", ["MOW-SRV-001", "x-2"]), ("Réseau régional", ["Réseau régional"]),
        ("10.5.1.1", ["MOW-SRV-001"]),
        ("web09.corp.alvera.example / mow-srv-001", ["web09", "MOW-SRV-001"]),
        ('["mow-srv-001", "x2"]', ["MOW-SRV-001", "x2"]),
        ("DB2G04/DB2G08", ["DB2G04", "DB2G08"]), ("x1、x2", ["x1", "x2"]), ("x1 (primary)", ["x1"]),
        ("x1; n/a", ["x1"]),
        ("mow-srv-001:5432", ["MOW-SRV-001"]), ("postgres://mow-srv-001:5432/x", ["MOW-SRV-001"]), ("x-9:80", ["x-9"]),
        ("DB: mow-srv-001; App: mow-srv-002", ["MOW-SRV-001", "MOW-SRV-002"]), ("mow srv 001", ["MOW-SRV-001"]),
        ("primary mow-srv-001", ["MOW-SRV-001"]), ("mow-srv-001・x2", ["MOW-SRV-001", "x2"]),
        ("mow-srv-001\nmow-srv-001", ["MOW-SRV-001"]),
    ],
)  # fmt: skip
def test_lists_of_names(text: str, expected: list[str]):
    known = {
        "mow-srv-001": "MOW-SRV-001",
        "mow-srv-002": "MOW-SRV-002",
        "mowsrv001": "MOW-SRV-001",
        "10.5.1.1": "MOW-SRV-001",
    }
    assert list(read_names(text, DOMAINS, known).value or ()) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "value", "rule"),
    [
        ("CZJ267168B", "CZJ267168B", None), ("0048817", "0048817", None), ("S/N: ABC123", "ABC123", Rule.REMARK),
        ("417733.0", "417733", Rule.NOTATION), ("To Be Filled By O.E.M.", None, Rule.PLACEHOLDER),
        ("Default string", None, Rule.PLACEHOLDER), ("System Serial Number", None, Rule.PLACEHOLDER),
        ("0", None, Rule.PLACEHOLDER),
        ("0123456789", None, Rule.PLACEHOLDER), ("XXXXXXXX", None, Rule.PLACEHOLDER),
        ("00000000-0000-0000-0000-000000000000", None, Rule.PLACEHOLDER),
        ("SIN PLACA", None, Rule.EMPTY), ("ohne Nummer", None, Rule.EMPTY),
        ("5.01235E+11", None, Rule.PRECISION), ("6,12E+11", None, Rule.PRECISION),
        ("612000000000", None, Rule.PRECISION),
        ("VMware-42 87 0f a4 26", "VMware-42 87 0f a4 26", None),
    ],
)  # fmt: skip
def test_serial_numbers(text: str, value: str | None, rule: Rule | None):
    found = read_serial(text)
    assert (found.value, found.rule) == (value, rule)
