"""Asset discovery: which columns hold personal data, how they are classified, and what is shown of them."""

from __future__ import annotations

import polars as pl
import pytest

from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.mapped import ColumnMapping, Mapping
from workflows.asset_discovery.mapping import proposed_for
from workflows.asset_discovery.personal.classification import OBLIGATIONS, classify
from workflows.asset_discovery.personal.columns import recognize
from workflows.asset_discovery.personal.kinds import PersonalKind, Sensitivity
from workflows.asset_discovery.personal.masking import mask_cell, mask_text, mask_value, masked_frame, masked_mapping
from workflows.asset_discovery.tables import Column, Table

_PEOPLE = ["Jan Kowalski", "Agnieszka Nowak", "Piotr Zieliński", "Ewa Wójcik"]
_SERVICES = ["Claims Intake", "Payout Hub", "Tide Model", "Imaging"]
_TEAMS = ["Network Team", "DBA", "GRP-Unix", "Service Desk"]
_HOSTS = ["SRV-001", "SRV-002", "SRV-003", "SRV-004"]


def _table(columns: dict[str, list[str]]) -> Table:
    longest = max(map(len, columns.values()))
    frame = pl.DataFrame({key: (cells * longest)[:longest] for key, cells in columns.items()})
    described = tuple(Column(key, key, position) for position, key in enumerate(columns))
    return Table("made.csv", "", described, frame, tuple(range(1, longest + 1)), (None,) * longest)


def _kinds(columns: dict[str, list[str]], owner: str = "") -> dict[str, PersonalKind]:
    mapping = Mapping("made.csv", "", (ColumnMapping(owner, Field.OWNER, 1.0, ""),)) if owner else None
    return {item.column: item.kind for item in recognize(_table(columns), mapping)}


@pytest.mark.parametrize(
    ("heading", "cells", "kind"),
    [
        ("assigned_to.name", ["Jane Smith", "Omar Haddad", "Li Na"], PersonalKind.NAME),
        ("Betreuer", ["Grünwaldt, Christa / 13.1", "Jäckle, Anke"], PersonalKind.NAME),
        ("Détenteur", ["GUÉRINOT Joël", "HÉBRARD Maëlys"], PersonalKind.NAME),
        ("Opiekun", _PEOPLE, PersonalKind.NAME),
        ("担当者", ["佐藤 健一", "鈴木 花子"], PersonalKind.NAME),
        ("RESPUSER", ["XKESTR3", "XABBAY2"], PersonalKind.USER_ID),
        ("Last logged on user", ["CORP\\jsmith", "CORP\\abrown"], PersonalKind.USER_ID),
        ("Personalnummer", ["100234", "100877"], PersonalKind.USER_ID),
        ("Courriel", ["j.doe@site.example", "a.roe@site.example"], PersonalKind.EMAIL),
        ("Durchwahl", ["-7863", "-6130"], PersonalKind.PHONE),
        ("Telefon", ["wew. 12", "wew. 40"], PersonalKind.PHONE),
        ("RSPUSR", ["MPARC", "JTOLL"], PersonalKind.USER_ID),
        ("Responsável", ["Inês Duarte", "Rui Vaz"], PersonalKind.NAME),
        ("IMEI", ['="357927934175511"', '="359241257932062"'], PersonalKind.DEVICE_ID),
        ("Geburtsdatum", ["1980-02-01", "1971-12-24"], PersonalKind.BIRTH),
        ("Gehalt", ["4200,00", "3900,00"], PersonalKind.PAYMENT),
        ("Religion", ["a", "b"], PersonalKind.SPECIAL),
    ],
)
def test_headings_and_values_together_show_personal_data(heading: str, cells: list[str], kind: PersonalKind) -> None:
    assert _kinds({"Host": _HOSTS, heading: cells}) == {heading: kind}


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (_PEOPLE, PersonalKind.NAME),
        (["jane@site.example", "omar@site.example", "team"], PersonalKind.EMAIL),
        (["+44 7700 900761", "+44 7700 900750", "+44 7700 900324"], PersonalKind.PHONE),
        (["4111 1111 1111 1111", "5500005555555559", "340000000000009"], PersonalKind.PAYMENT),
        (["GB82WEST12345698765432", "DE89370400440532013000", "FR1420041010050500013M02606"], PersonalKind.PAYMENT),
        (["356938035643809", "359241257932068", "357927934175517"], PersonalKind.DEVICE_ID),
        (["44051401359", "02070803628", "85102400001", "90010112349", "44051401359"], None),
        (["12345678Z", "X1234567L", "12345601Y", "Y7654321G", "87654321X"], PersonalKind.NATIONAL_ID),
    ],
)
def test_without_headings_values_show_it_alone(cells: list[str], kind: PersonalKind | None) -> None:
    assert _kinds({"#1": _HOSTS, "#2": cells}).get("#2") is kind


@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        ("Owner", _TEAMS),
        ("Ownership", ["Corporate", "Personal"]),
        ("OwnerId", ["730045118262", "481200931177"]),
        ("Owner group", _SERVICES),
        ("Managed by", ["MDM", "MDM/ConfigMgr Agent"]),
        ("Business service", _SERVICES),
        ("Site", ["Rue Jean Moulin 5", "San Jose", "Haus Sophie Scholl"]),
        ("Serial number", ["4111111111111112", "5500005555555551", "PF2B1KCM"]),
        ("Barcode", ["37071079975", "37010491569", "37009055476"]),
        ("CENTSTOR", ["00016384", "00032768", "00065536"]),
        ("Nombre DNS", ["hsrpc123.site.example", "hsrsrv281.site.example"]),
        ("matricola", ["VX20789643", "BH91333606"]),
        ("UDID", ["7F0B0420-EEF5-53C5-E709-FD1E3643E71E"]),
        ("OS-EXT-IPS-MAC:mac_addr", ["fa:16:3e:e6:7e:31", "fa:16:3e:28:cb:cc"]),
        ("OS-EXT-SRV-ATTR:instance_name", ["instance-00000ad7", "instance-0000e123"]),
        ("Purchased", ["07/02/2017", "12.10.2017", "2019-12-09"]),
        ("IP address", ["172.030.004.047", "10.21.24.192"]),
        ("Notes", ["see CHG0031187", "@SUM(1+1)*cmd|' /C calc'!A0", "-10% de batterie", "portable 2024-01-01"]),
    ],
)
def test_what_only_resembles_it_is_none(heading: str, cells: list[str]) -> None:
    assert _kinds({"Host": _HOSTS, heading: cells}) == {}


def test_a_column_that_is_mapped_to_the_owner_needs_no_known_heading() -> None:
    columns = {"Host": _HOSTS, "Hlavní": ["Qwe Rtzu", "Asd Fghj", "Yxc Vbnm"]}
    assert _kinds(columns) == {}
    assert _kinds({"VSL": ["MV PETREL", "MV TERN", "MV GANNET"]}, owner="VSL") == {}
    assert _kinds(columns, owner="Hlavní") == {"Hlavní": PersonalKind.NAME}


def test_names_that_recur_in_identifiers_are_found_through_the_column_that_they_are_known_from() -> None:
    columns = {"mail": ["oona.marlowe@site.example", "lorcan.roe@site.example"], "vault": ["kp-oona", "kp-lorcan"]}
    assert _kinds(columns)["vault"] is PersonalKind.USER_ID
    assert "vault" not in _kinds(columns | {"vault": ["kp-build", "kp-deploy"]})


def test_free_text_says_in_which_records_it_was_found() -> None:
    notes = ["moved to rack 7", "private mobile of deputy: 0791 555 0142", "IBAN GB82 WEST 1234 5698 7654 32 please"]
    [found] = recognize(_table({"Host": _HOSTS[:3], "Notes": notes}))
    assert (found.kind, found.rows) == (PersonalKind.FREE_TEXT, (2, 3))
    assert found.sensitivity is Sensitivity.RESTRICTED
    assert "0791" not in found.reason


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Kollegin Ebersbach krank, privat 04721 555 0199", "Kollegin [name] krank, privat [phone number]"),
        ("root pw with Piers Hollis, home tel 01632 960 177", "root pw with [name], home tel [phone number]"),
        ("ask o.m@x.example or +49 30 1234567", "ask [email address] or [phone number]"),
        ("sick, 01632 960 177 until May", "sick, [phone number] until May"),
        ("携帯 090-1234-5678 佐藤さん", "携帯 [phone number] [name]さん"),
        ("paid by card 4111111111111111", "paid by card [payment data]"),
        ("order 4111111111111111", "order 4111111111111111"),
        ("AHV 756.9217.0769.85", "AHV [identity number]"),
        ("SSN 123-45-6789", "SSN [identity number]"),
        ("part 123-45-6789", "part 123-45-6789"),
        ("ip 10.1.2.3, Red Hat Enterprise Linux 9", "ip 10.1.2.3, Red Hat Enterprise Linux 9"),
    ],
)
def test_texts_are_masked_where_they_speak_of_people(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    ("value", "kind", "masked"),
    [
        ("Jane Smith", PersonalKind.NAME, "J… S…"),
        ("Grünwaldt, Christa / 13.1", PersonalKind.NAME, "G… C…"),
        ("jane.smith@site.example", PersonalKind.USER_ID, "j…@site.example"),
        ("+44 7700 900761", PersonalKind.PHONE, "+44…61"),
        ("-7863", PersonalKind.PHONE, "[phone number]"),
        ("12345678Z", PersonalKind.NATIONAL_ID, "[identity number]"),
        ("", PersonalKind.NAME, ""),
    ],
)
def test_values_are_masked_so_that_their_kind_remains_visible(value: str, kind: PersonalKind, masked: str) -> None:
    assert mask_value(value, kind) == masked


@pytest.mark.parametrize(
    ("text", "field", "masked"),
    [
        ("Jane Smith", Field.OWNER, "J… S…"),
        ("Jane Smith; jsmith2", Field.OWNER, "J… S…; j…"),
        ("jane.smith@site.example", Field.OWNER, "j…@site.example"),
        ("Network Team", Field.OWNER, "Network Team"),
        ("Claims Intake", Field.APPLICATION, "Claims Intake"),
        ("SRV-001", Field.NAME, "SRV-001"),
        ("ask jane@site.example", Field.STATUS, "ask [email address]"),
    ],
)
def test_cells_of_records_are_masked_by_their_field(text: str, field: Field, masked: str) -> None:
    assert mask_cell(text, field) == masked


def test_lessons_hold_masked_values() -> None:
    table = _table({"Host": _HOSTS, "Opiekun": _PEOPLE})
    mapping = Mapping("made.csv", "", tuple(ColumnMapping(key, Field.IGNORE, 1.0, "") for key in ("Host", "Opiekun")))
    proposed = proposed_for(table, mapping)
    assert proposed[0].situation.samples["values"] == _HOSTS
    assert proposed[1].situation.samples["values"] == ["J… K…", "A… N…", "P… Z…", "E… W…"]


def test_samples_and_frames_are_masked_by_their_column() -> None:
    table = _table({"Host": _HOSTS, "Owner": _PEOPLE})
    personal = recognize(table)
    samples = (ColumnMapping("Host", Field.NAME, 1.0, "", samples=("SRV-001", "call +44 7700 900761")),
               ColumnMapping("Owner", Field.OWNER, 1.0, "", samples=("Ewa Wójcik",)))  # fmt: skip
    masked = masked_mapping(Mapping("made.csv", "", samples), personal)
    assert [item.samples for item in masked.columns] == [("SRV-001", "call [phone number]"), ("E… W…",)]
    frame = masked_frame(table.frame, personal)
    assert frame["Owner"].to_list() == ["J… K…", "A… N…", "P… Z…", "E… W…"]
    assert frame["Host"].to_list() == _HOSTS


def test_the_file_is_classified_as_its_worst_column() -> None:
    table = _table({"Host": _HOSTS, "OS": ["Linux"], "Owner": _PEOPLE, "SSN": ["123-45-6789", "219-09-9998"]})
    mapping = Mapping("made.csv", "", (ColumnMapping("OS", Field.OS, 1.0, ""),))
    classified = classify(table, recognize(table, mapping), mapping)
    assert list(classified.columns.values()) == [
        Sensitivity.INTERNAL, Sensitivity.PUBLIC, Sensitivity.CONFIDENTIAL, Sensitivity.RESTRICTED,
    ]  # fmt: skip
    assert classified.level is Sensitivity.RESTRICTED
    assert classified.obligations.masked and classified.obligations.encrypted
    assert list(classified.counts()) == [
        Sensitivity.RESTRICTED, Sensitivity.CONFIDENTIAL, Sensitivity.INTERNAL, Sensitivity.PUBLIC,
    ]  # fmt: skip


def test_more_sensitive_data_never_has_fewer_obligations() -> None:
    for lower, higher in zip(list(Sensitivity), list(Sensitivity)[1:], strict=False):
        for duty in ("masked", "encrypted", "audited", "erasable"):
            assert getattr(OBLIGATIONS[higher], duty) >= getattr(OBLIGATIONS[lower], duty)


def test_what_lies_beyond_the_searched_part_of_a_cell_is_not_shown() -> None:
    assert mask_text("x" * 20_000 + " jane@site.example") == "x" * 20_000 + " [rest not shown]"
