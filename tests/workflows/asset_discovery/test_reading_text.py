"""Delimited text in odd forms."""

from __future__ import annotations

from pathlib import Path

import pytest

from workflows.asset_discovery.reading import ReadingError, ReadingLimits, read
from workflows.asset_discovery.tables import ProblemKind, Table

TWO = [("srv1", "10.0.0.1", "Linux"), ("srv2", "10.0.0.2", "Windows")]


def read_text(folder: Path, text: str | bytes, name: str = "list.csv", limits: ReadingLimits | None = None) -> Table:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    [table] = read(path, limits=limits) if limits else read(path)
    return table


def keys(table: Table) -> list[str]:
    return [column.key for column in table.columns]


def structure(table: Table) -> dict[int, str]:
    return {item.row: item.why for item in table.problems if item.kind is ProblemKind.STRUCTURE}


@pytest.mark.parametrize("delimiter", list(",;\t|^~\x1f¦:"))
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(tmp_path: Path, delimiter: str, end: str):
    text = end.join(delimiter.join(row) for row in [("Hostname", "IP", "OS"), *TWO]) + end
    table = read_text(tmp_path, text)
    assert (table.delimiter, keys(table), table.frame.rows()) == (delimiter, ["Hostname", "IP", "OS"], TWO)
    assert (table.rows, table.lines, table.header_row, table.problems) == ((1, 2), (2, 3), 1, [])


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("Rechner;Preis;RAM\nsrv1;1.200,50;16,0\nsrv2;900,00;8,5\nsrv3;800,10;4,0\n", ";"),
        ("name,note,os\nsrv1,a; b; c,Linux\nsrv2,d; e; f,Linux\nsrv3,;;,AIX\n", ","),
        ("ip,mac,seen\n10.0.0.1,00:11:22:33:44:55,10:30:00\n10.0.0.2,00:11:22:33:44:56,10:31:00\n", ","),
        ('sep=|\nName|IP\n"a|1"|10.0.0.1\n', "|"),
    ],
)
def test_the_delimiter_is_proved_by_evenness(tmp_path: Path, text: str, delimiter: str):
    assert read_text(tmp_path, text).delimiter == delimiter


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("cp1252", "Rechner;Ort\nsrv1;Köln, Straße 5\nsrv2;Zürich\n"),
        ("cp1252", "Relación de equipos\nNº orden;Denominación;Versión\n1;Núcleos;Dirección\n2;Garantía;Adquisición\n"),
        ("cp850", "Rechner;Ort\nsrv1;Köln, Straße 5\nsrv2;Zürich\n"),
        ("cp437", "Gerät;Ort\nsrv1;Köln, Straße 5\nsrv2;Zürich\n"),
        ("mac_roman", "N°;Modèle;Système\n1;Éloïse;Léa\n2;Hôpital;où ça\n"),
        ("cp1250", "Název;Umístění;Správce\nsrv1;Plzeň;Dvořák\nsrv2;Žižkov;Šťastný\n"),
        ("iso8859_2", "Nazwa;Właściciel\nsrv1;Łukasz, Łódź\nsrv2;Zażółć gęślą jaźń\n"),
        ("cp1251", "Имя;Место\nсрв1;Москва\nsrv2;Казань, ул. Ленина\n"),
        ("koi8_r", "Имя;Место\nсрв1;Москва\nsrv2;Казань, ул. Ленина\n"),
        ("cp866", "Имя;Место\nсрв1;Москва\nsrv2;Казань, ул. Ленина\n"),
        ("cp1253", "Όνομα;Τοποθεσία\nsrv1;Αθήνα\nsrv2;Θεσσαλονίκη\n"),
        ("cp932", "ホスト名;場所;管理者\nsrv1;東京本社;鈴木\nsrv2;大阪支店サーバー室;田中\n"),
        ("euc_jp", "ホスト名;場所;管理者\nsrv1;東京本社;鈴木\nsrv2;大阪支店サーバー室;田中\n"),
        ("gb18030", "主机名;位置;负责人\nsrv1;北京机房;王伟\nsrv2;上海数据中心;李娜\n"),
        ("euc_kr", "호스트명;위치;담당자\nsrv1;서울 본사;김철수\nsrv2;부산 데이터센터;이영희\n"),
        ("utf-8", "Rechner;Ort\nsrv1;Köln\n"),
        ("utf-8-sig", "Rechner;Ort\nsrv1;Köln\n"),
        ("utf-16", "Rechner;Ort\nsrv1;Köln\n"),
        ("utf-16-le", "Rechner;Ort\nsrv1;Köln\n"),
        ("utf-16-be", "Rechner;Ort\nsrv1;Köln\n"),
        ("utf-32", "Rechner;Ort\nsrv1;Köln\n"),
    ],
)
def test_encodings(tmp_path: Path, codec: str, text: str):
    table = read_text(tmp_path, text.encode(codec))
    lines = [tuple(line.split(";")) for line in text.splitlines()]
    assert [tuple(keys(table)), *table.frame.rows()] == lines[-1 - table.frame.height :]


def test_one_foreign_letter_far_behind_is_enough_to_tell_the_encoding(tmp_path: Path):
    text = "name;place\n" + "srv;here\n" * 40_000 + "srv;Zürich\n"
    table = read_text(tmp_path, text.encode("cp1252"))
    assert (table.encoding, table.frame["place"][-1]) == ("cp1252", "Zürich")


def test_joined_files_of_two_encodings(tmp_path: Path):
    table = read_text(tmp_path, "a;b\nMühle;Öl\nGäste;Öfen\n".encode() + "Küche;x\n".encode("cp1252"))
    assert table.frame.rows()[-1] == ("Küche", "x")
    assert "no UTF-8" in table.notes[-1]


def test_quotes_that_are_never_closed_cost_their_line_only(tmp_path: Path):
    text = (
        'id;name;note;os\n1;srv1;"good; yes";Linux\n2;srv2;"never closed;Linux\n3;srv3;ok;Linux\n'
        '4;srv4;"a\nb";AIX\n5;srv5;24" screen;Linux\n6;srv6;"open;AIX\n'
    )
    table = read_text(tmp_path, text)
    assert table.frame["name"].to_list() == [f"srv{number}" for number in range(1, 7)]
    assert table.frame["note"].to_list() == ["good; yes", "never closed", "ok", "a\nb", '24" screen', "open"]
    assert table.lines == (2, 3, 4, 5, 7, 8)
    assert [(item.row, item.line) for item in table.problems if "never closed" in item.why] == [(2, 3), (6, 8)]


def test_a_quote_that_is_opened_in_the_first_of_many_lines(tmp_path: Path):
    rows = [f"{number};srv{number};x;Linux\n" for number in range(2, 3_000)]
    table = read_text(tmp_path, 'id;name;note;os\n1;srv1;"open;Linux\n' + "".join(rows))
    assert table.frame.height == 2_999 and table.frame["note"][0] == "open"


def test_quotes_in_the_ways_of_other_programs(tmp_path: Path):
    table = read_text(tmp_path, 'name,note,os\nsrv1,"said \\"hi\\", ok",Linux\nsrv2,"x \\"y\\" z",Linux\n')
    assert table.frame["note"].to_list() == ['said "hi", ok', 'x "y" z']
    table = read_text(tmp_path, "".join(f"'srv{number}','it''s, here','x'\n" for number in range(9)))
    assert table.frame.row(0) == ("srv0", "it's, here", "x")
    table = read_text(tmp_path, '"name,ip,os"\n"srv1,10.0.0.1,""Red Hat, 8"""\n"srv2,10.0.0.2,AIX"\n')
    assert (keys(table), table.frame.row(0)) == (["name", "ip", "os"], ("srv1", "10.0.0.1", "Red Hat, 8"))


def test_single_quotes_that_say_as_above(tmp_path: Path):
    table = read_text(tmp_path, 'id;name;vendor;os\n1;srv1;Dell;Linux\n2;srv2;";Linux\n3;srv3;";"\n4;srv4;HP;AIX\n')
    assert table.frame["vendor"].to_list() == ["Dell", '"', '"', "HP"]
    assert table.frame["os"].to_list() == ["Linux", "Linux", '"', "AIX"]


def test_what_fills_up_files_is_no_text(tmp_path: Path):
    table = read_text(tmp_path, "name;ip\nsrv1;10.0.0.1\nsrv2;10.0.0.2\x1a\x00\x00\x00")
    assert table.frame["ip"].to_list() == ["10.0.0.1", "10.0.0.2"]
    assert read_text(tmp_path, "name;ip\r\nsrv1;10.0.0.1\r\n\x1a").frame.height == 1


def test_titles_and_facts_above_the_headings_are_told(tmp_path: Path):
    table = read_text(tmp_path, "Report,Assets\nDate,2026-01-01\n\nHostname,IP,OS,Owner\n" + "a1,10.0.0.1,L,X\n" * 3)
    assert (table.header_row, keys(table)) == (4, ["Hostname", "IP", "OS", "Owner"])
    assert (table.rows, table.lines) == ((1, 2, 3), (5, 6, 7))
    assert [note.split(": ")[1] for note in table.notes] == ["Report | Assets", "Date | 2026-01-01", "3."]
    table = read_text(tmp_path, "# exported 2026-01-01, by a tool\n# version 3\nname,ip,os\nsrv1,10.0.0.1,Linux\n" * 1)
    assert (table.header_row, table.frame.height) == (3, 1)


@pytest.mark.parametrize(
    "text",
    [
        "srv1,10.0.0.1,Linux\nsrv2,10.0.0.2,Linux\n",
        "zeus;Linux;Berlin\nhera;Linux;Berlin\nares;AIX;Kiel\nleto;Linux;Kiel\n",
        "srv01;Linux;Berlin\nsrv02;Linux;Berlin\nsrv03;AIX;Kiel\n",
        "web01\nweb02\ndb01\n",
        "PAR1;10.0.0.1\nBZH4;10.0.0.2\n",
        "10.0.0.1;;;\n10.0.0.2;sw-1;Cisco;IOS\n10.0.0.3;sw-2;Cisco;IOS\n10.0.0.4;sw-3;Cisco;IOS\n",
        "10.0.0.1 \n10.0.0.2\n",
    ],
)
def test_without_headings_the_first_line_is_a_record(tmp_path: Path, text: str):
    table = read_text(tmp_path, text)
    assert table.header_row is None and table.lines == tuple(range(1, text.count("\n") + 1))
    assert keys(table) == [f"#{number}" for number in range(1, table.frame.width + 1)]


@pytest.mark.parametrize(
    "text",
    [
        "Rechner;System;Ort\nzeus;Linux;Berlin\nhera;Linux;Berlin\nares;AIX;Kiel\n",
        "name,ip,serial\nsrv1,10.0.0.1,ABC123\n",
        "Hostname\nsrv1.corp.example\nsrv2.corp.example\n",
        "呼称;所在地\nsrv1;東京\nsrv2;東京\n",
        "Nom du poste;Adresse IP;Dépend de\nPC1;10.0.0.1;\nPC2;10.0.0.2;PC1\n",
    ],
)
def test_headings_are_recognized(tmp_path: Path, text: str):
    table = read_text(tmp_path, text)
    assert (table.header_row, keys(table)) == (1, text.splitlines()[0].split(";" if ";" in text else ","))


def test_headings_of_two_lines_and_units(tmp_path: Path):
    rows = "".join(f"srv{number};10.0.0.{number};00:11:22:33:44:5{number};10.9.0.1;{number}\n" for number in range(4))
    table = read_text(tmp_path, f"Name;Netz;;Verwaltung;\n;IP;MAC;IP;VLAN\n{rows}")
    assert keys(table) == ["Name", "Netz IP", "MAC", "Verwaltung IP", "VLAN"]
    assert [column.heading for column in table.columns][2] == "Netz MAC"
    assert (table.rows, table.lines) == ((1, 2, 3, 4), (3, 4, 5, 6))
    table = read_text(tmp_path, "Name;RAM;Disk\n;GB;[TB]\nsrv1;16;1\nsrv2;8;2\n")
    assert (keys(table), table.columns[2].heading, table.lines) == (["Name", "RAM", "Disk"], "Disk [TB]", (3, 4))


def test_a_title_above_records_without_headings(tmp_path: Path):
    table = read_text(tmp_path, "Sweep of hall 3;;\n10.0.0.1;sw-1;IOS\n10.0.0.2;sw-2;IOS\n")
    assert (table.header_row, table.lines, table.notes) == (None, (2, 3), ["Line 1 is a title: Sweep of hall 3"])


def test_headings_that_come_twice_or_not_at_all(tmp_path: Path):
    table = read_text(tmp_path, "name;ip;;name;ip;name\nsrv1;10.0.0.1;x;a;b;c\nsrv2;10.0.0.2;y;d;e;f\n")
    assert keys(table) == ["name", "ip", "#3", "name#2", "ip#2", "name#3"]
    table = read_text(tmp_path, 'a  "x"\u00a0y;ip;\nsrv1;10.0.0.1;\nsrv2;10.0.0.2;\n')
    assert keys(table) == ['a "x" y', "ip"]


def test_rows_that_are_no_assets(tmp_path: Path):
    text = (
        "Name,OS,RAM,Price,Owner\nsrv1,Linux,16,100,A\nTotal,,32,200,\n,,,,\nNetzwerk 2. Stock,,,,\nsw1,IOS,1,50,B\n"
        "Name,OS,RAM,Price,Owner\nname , os,RAM ,Price,\nTotal-3,Linux,3,3,C\n-----,----,---,----,---\n"
        "Summe: 3,,,,\n(3 rows),,,,\nlone1,,,,\n"
    )
    table = read_text(tmp_path, text)
    assert table.frame["Name"].to_list() == ["srv1", "sw1", "Total-3", "lone1"]
    assert table.rows_total == 12 and sorted(structure(table)) == [2, 3, 4, 6, 7, 9, 10, 11]
    assert structure(table)[2] == structure(table)[10] == "A total or sub-total."
    assert [item.line for item in table.problems] == [3, 4, 5, 7, 8, 10, 11, 12]


def test_rows_with_too_many_cells_keep_them(tmp_path: Path):
    table = read_text(tmp_path, "name,os\nsrv1,Linux\nsrv2,Red Hat, 8\nsrv3\nsrv4,AIX\n")
    assert table.frame.rows() == [
        ("srv1", "Linux", None),
        ("srv2", "Red Hat", " 8"),
        ("srv3", None, None),
        ("srv4", "AIX", None),
    ]
    assert [(item.row, item.kind) for item in table.problems] == [(2, ProblemKind.HAZARD)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NAME        IP            OS\nsrv1        10.0.0.1      Linux\nsrv2        10.0.0.2      Windows\n", TWO),
        ("Name IP       OS\n---- -------- -------\nsrv1 10.0.0.1 Linux\nsrv2 10.0.0.2 Windows\n", TWO),
        (" n    | ip       | os\n------+----------+----\n srv1 | 10.0.0.1 | Linux\n srv2 | 10.0.0.2 | Windows\n", TWO),
        ("| n | ip | os |\n|---|----|----|\n| srv1 | 10.0.0.1 | Linux |\n| srv2 | 10.0.0.2 | Windows |\n", TWO),
    ],
)
def test_tables_that_programs_print(tmp_path: Path, text: str, expected: list[tuple[str, ...]]):
    table = read_text(tmp_path, text, "list.txt")
    assert [tuple(cell.strip() for cell in row if cell) for row in table.frame.rows()] == expected
    assert len(table.columns) == 3 and table.rows == (1, 2)


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("=1+1", "formula"), ("@SUM(1)", "formula"), ("+1+cmd|'/C calc'!A0", "formula"), ("-10% de la", "formula"),
        ("\t=1+1", "formula"), ("<b>x</b>", "HTML"), ("a &amp; b", "HTML"), ("<script>x", "HTML"), ("a\x00b", "NUL"),
        ("a\x07b", "Control"), ("a\u202eb", "direction"), ("x" * 10_240, "long"), ('"a\nb"', "Line breaks"),
        ("5.01235E+11", "lost digits"), ("5,01235E+11", "lost digits"),
    ],
)  # fmt: skip
def test_cells_that_could_do_harm(tmp_path: Path, cell: str, why: str):
    table = read_text(tmp_path, f"name^note^os\nsrv1^{cell}^Linux\nsrv2^fine^Linux\nsrv3^fine^Linux\n")
    assert [(item.row, item.column, item.kind) for item in table.problems] == [(1, "note", ProblemKind.HAZARD)]
    assert why in table.problems[0].why and len(table.problems[0].value) <= 200
    assert table.rows == (1, 2, 3)


@pytest.mark.parametrize(
    "cell",
    [
        "-",
        "---",
        '-"-',
        "-4711",
        "+49 30 1234",
        "-1,5",
        '="0123"',
        "+",
        "a < b > c",
        "R&D",
        "1.5E3",
        "2E",
        "=",
        "x=1",
        "a@b.example",
    ],
)
def test_cells_that_do_no_harm(tmp_path: Path, cell: str):
    table = read_text(tmp_path, f'name;note;os\nsrv1;"{cell.replace(chr(34), chr(34) * 2)}";Linux\nsrv2;fine;Linux\n')
    assert table.problems == [] and table.frame["note"][0] == cell


@pytest.mark.parametrize(
    "cell",
    [
        "=" + " " * 900_000 + "a", "-" + " 1" * 450_000 + "a", "<!--" * 200_000, "<a " * 300_000, "&" * 900_000,
        "1" * 900_000, "aaa." * 200_000, '""' * 400_000, "a:" * 400_000, "\\" * 900_000, "total " * 150_000,
    ],
)  # fmt: skip
def test_long_cells_made_to_keep_searches_busy(tmp_path: Path, cell: str):
    rows = "".join(f'"srv{number}";"{cell}";"{cell}"\n' for number in range(3))
    table = read_text(tmp_path, f"name;note;os\n{rows}srv7;x;y\n")
    assert table.rows_total == 4
    table = read_text(tmp_path, f'"{cell[:200_000]}";os\n{rows}')
    assert table.rows_total >= 3 and all(len(column.key) <= 202 for column in table.columns)


def test_harmful_headings_are_told(tmp_path: Path):
    table = read_text(tmp_path, "name;=cmd()\x00;os\nsrv1;x;Linux\nsrv2;y;Linux\n")
    assert keys(table) == ["name", "=cmd()", "os"]
    assert any("“=cmd()”: A formula" in note for note in table.notes)


@pytest.mark.parametrize(
    ("content", "limits", "words"),
    [
        (b"", {}, "empty"),
        (b" \r\n\x1a", {}, "empty"),
        (b"\x7fELF" + bytes(4_000), {}, "neither a text"),
        (b"%PDF-1.7\n%x", {}, "is a PDF, which is not read. Save it as CSV"),
        (b"\x1f\x8b\x08\x00", {}, "is compressed .gzip."),
        (b"\xef\xbb\xbf\n<html><table>", {}, "is HTML"),
        (b"a,b\n" * 50, {"file_bytes": 100}, "at most 0 MiB"),
        (b"a,b\n" * 50, {"rows": 20}, "more than 20 rows"),
        (b"a,b\n" * 50, {"cells": 90}, "at most 90 cells"),
        (b"," * 3_000 + b"\n" + b"," * 3_000 + b"\n", {}, "3,001 columns"),
        (b"a,b\n" + b"x" * 5_000 + b",y\n", {"line_characters": 4_000}, "Line 2 has more than 4,000 characters"),
        (b'a,b\n"' + b"x" * 5_000 + b'",y\n', {"cell_characters": 4_000}, "Line 2 cannot be read"),
    ],
)  # fmt: skip
def test_what_is_too_large_or_no_table_is_refused_in_words(
    tmp_path: Path, content: bytes, limits: dict[str, int], words: str
):
    with pytest.raises(ReadingError, match=words):
        read_text(tmp_path, content, limits=ReadingLimits(**limits))


def test_a_file_of_one_endless_line_is_refused_early(tmp_path: Path):
    path = tmp_path / "line.csv"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(ReadingError, match="1,024 MiB; at most 256 MiB"):
        read(path)
    path.write_bytes(b"a;" * (30 << 20))
    with pytest.raises(ReadingError, match="Line 1 has more than"):
        read(path)
