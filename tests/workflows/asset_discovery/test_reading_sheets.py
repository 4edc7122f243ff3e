"""Workbooks."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter

from workflows.asset_discovery.reading import ReadingError, ReadingLimits, inventory_of, read
from workflows.asset_discovery.tables import ProblemKind, Table


def written(folder: Path, write: Callable[[xlsxwriter.Workbook], object], name: str = "list.xlsx") -> Path:
    path = folder / name
    with xlsxwriter.Workbook(str(path)) as book:
        write(book)
    return path


def _rows(sheet: xlsxwriter.worksheet.Worksheet, rows: list[list[object]], first: int = 0, column: int = 0) -> None:
    for place, row in enumerate(rows):
        for at, value in enumerate(row):
            if value is not None:
                sheet.write(first + place, column + at, value)


def _servers(count: int = 12) -> list[list[object]]:
    return [[f"srv{number}", f"10.0.0.{number}", f"SN{number:05d}", "Linux"] for number in range(count)]


def by_sheet(path: Path) -> dict[str, Table]:
    return {table.sheet: table for table in read(path)}


def test_headings_of_two_rows_with_merged_cells(tmp_path: Path):
    def write(book: xlsxwriter.Workbook) -> None:
        sheet, plain = book.add_worksheet("Bestand"), book.add_format()
        sheet.merge_range("A1:F1", "Bestand 2026", plain)
        sheet.merge_range("A3:A4", "Name", plain)
        sheet.merge_range("B3:C3", "Netz", plain)
        sheet.merge_range("D3:E3", "Verwaltung", plain)
        _rows(sheet, [["Kauf"]], 2, 5)
        _rows(sheet, [["IP", "MAC", "IP", "VLAN"]], 3, 1)
        for number in range(6):
            _rows(sheet, [[f"srv{number}", f"10.0.0.{number}", f"00:11:22:33:44:5{number}", "10.9.0.1", 7]], 4 + number)
            sheet.write_datetime(4 + number, 5, datetime.date(2024, 1, 5), book.add_format({"num_format": "d.m.yy"}))

    [table] = read(written(tmp_path, write))
    assert [column.key for column in table.columns] == ["Name", "Netz IP", "MAC", "Verwaltung IP", "VLAN", "Kauf"]
    assert (table.header_row, table.lines) == (3, (5, 6, 7, 8, 9, 10))
    assert table.frame.row(0) == ("srv0", "10.0.0.0", "00:11:22:33:44:50", "10.9.0.1", "7", "2024-01-05 00:00:00")
    assert table.notes == ["Line 1 is a title: Bestand 2026"]


def test_sections_blank_rows_totals_and_where_a_sheet_begins(tmp_path: Path):
    def write(book: xlsxwriter.Workbook) -> None:
        sheet, plain = book.add_worksheet("Hosts"), book.add_format()
        _rows(sheet, [["Name", "IP", "Serial", "OS", "CPUs"]], 2, 1)
        _rows(sheet, [[*row, 4] for row in _servers(3)], 3, 1)
        sheet.merge_range("B8:F8", "berlin", plain)
        _rows(sheet, [[*row, 4] for row in _servers(2)], 8, 1)
        sheet.write(10, 1, "Total")
        sheet.write_formula(10, 5, "=SUM(F4:F10)", None, 20)
        sheet.write_blank(60, 9, None, plain)

    [table] = read(written(tmp_path, write))
    assert (table.header_row, table.rows, table.lines) == (3, (1, 2, 3, 6, 7), (4, 5, 6, 9, 10))
    structure = {item.row: item for item in table.problems if item.kind is ProblemKind.STRUCTURE}
    assert {row: item.line for row, item in structure.items()} == {4: 7, 5: 8, 8: 11}
    assert structure[8].value == "Total | 20" and "section" in structure[5].why
    assert [column.key for column in table.columns] == ["Name", "IP", "Serial", "OS", "CPUs"]


def test_values_keep_what_tells_them_apart(tmp_path: Path):
    def write(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        _rows(sheet, [["Name", "Value", "Serial"], *[[f"srv{number}", None, f"CZ{number}A"] for number in range(8)]])
        sheet.write_number(1, 1, 44289)
        sheet.write_datetime(2, 1, datetime.date(2024, 3, 4), book.add_format({"num_format": "dd.mm.yyyy"}))
        sheet.write_boolean(3, 1, True)
        sheet.write_string(4, 1, "007")
        sheet.write_number(5, 1, 0.5)
        sheet.write_formula(6, 1, "=NA()", None, "#N/A")
        sheet.write_string(7, 1, "=HYPERLINK(1)")
        sheet.write_number(8, 2, 612_000_000_000)

    [table] = read(written(tmp_path, write))
    assert table.frame["Value"].to_list() == [
        "44289", "2024-03-04 00:00:00", "true", "007", "0.5", "#N/A", "=HYPERLINK(1)", None,
    ]  # fmt: skip
    assert [(item.row, item.column) for item in table.problems] == [(7, "Value"), (8, "Serial")]
    assert "lost digits" in table.problems[1].why


def test_formulas_that_were_never_calculated_are_told(tmp_path: Path):
    def write(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        _rows(sheet, [["Name", "IP", "Serial", "OS"], *_servers()])
        sheet.write_formula(3, 3, '="Lin" & "ux"', None, "")
        sheet.write_formula(4, 3, '="Lin" & "ux"', None, "Linux")

    [table] = read(written(tmp_path, write))
    assert table.frame["OS"].to_list()[1:5] == ["Linux", None, "Linux", "Linux"]
    assert "never calculated are empty: 1, such as D4" in table.notes[0]


def test_each_sheet_says_what_it_is(tmp_path: Path):
    def write(book: xlsxwriter.Workbook) -> None:
        _rows(book.add_worksheet("Cover"), [["Inventory of the north"], ["Confidential"]])
        _rows(book.add_worksheet("Facts"), [["Created", "2026-01-01"], ["Author", "IT"], ["Version", "3"]])
        _rows(book.add_worksheet("Hosts"), [["Name", "IP", "Serial", "OS"], *_servers()])
        hidden = book.add_worksheet("Old")
        _rows(hidden, [["Name", "Serial"], ["old1", "SN1"]])
        hidden.hide()
        _rows(book.add_worksheet("Codes"), [["Code", "Meaning"], *[["1 a", "in use now"], ["1 a", "not in use"]] * 4])
        book.add_worksheet("Empty")

    path = written(tmp_path, write)
    tables = by_sheet(path)
    assert {sheet: bool(table.other) for sheet, table in tables.items()} == {
        "Cover": True, "Facts": True, "Hosts": False, "Old": False, "Codes": True, "Empty": True,
    }  # fmt: skip
    assert tables["Old"].notes == ["The sheet is hidden."]
    found = inventory_of(read(path))
    assert found is not None and found.sheet == "Hosts"


def test_a_cell_merged_over_rows_counts_for_each_of_them_and_only_there(tmp_path: Path):
    def write(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        _rows(sheet, [["Name", "IP", "Serial", "Site"], *_servers(6)])
        sheet.merge_range("D2:D4", "Kiel", book.add_format())
        _rows(sheet, [["Bonn"]], 4, 3)
        sheet.write_blank(5, 3, None, book.add_format())
        _rows(sheet, [["Köln"]], 6, 3)

    [table] = read(written(tmp_path, write))
    assert table.frame["Site"].to_list() == ["Kiel", "Kiel", "Kiel", "Bonn", None, "Köln"]
    assert table.notes == ["Site: one merged cell counts for each of its rows, 2 to 4."]


@pytest.mark.parametrize("name", ["list.xlsx", "list.csv", "list", "list.xls", "list.ods"])
def test_a_workbook_is_recognized_by_its_content(tmp_path: Path, name: str):
    path = written(tmp_path, lambda book: _rows(book.add_worksheet(), [["Name", "IP", "Serial", "OS"], *_servers()]))
    assert read(path.rename(tmp_path / name))[0].frame.height == 12


def _archive(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, inside in members.items():
            archive.writestr(name, inside)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (_archive({"a.txt": b"x"}), "cannot be read as a workbook"),
        (b"PK\x03\x04" + b"damaged" * 100, "damaged workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(5_000), "cannot be read as a workbook"),
    ],
)
def test_what_is_no_workbook_is_refused_in_words(tmp_path: Path, content: bytes, words: str):
    path = tmp_path / "list.xlsx"
    path.write_bytes(content)
    with pytest.raises(ReadingError, match=words):
        read(path)


@pytest.mark.parametrize("name", ["list.ods", "list.xlsx"])
def test_a_workbook_of_libreoffice(tmp_path: Path, name: str):
    spaces = " ".join(
        f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{prefix}:1.0"' for prefix in ("office", "table", "text")
    )
    rows = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>' for cell in row
        )
        + "</table:table-row>"
        for row in [["Name", "IP", "Serial", "OS"], *_servers()]
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces}><office:body><office:spreadsheet>'
        f'<table:table table:name="Hosts">{rows}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>'
    )
    members = {"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest}
    (tmp_path / name).write_bytes(_archive({member: inside.encode() for member, inside in members.items()}))
    [table] = read(tmp_path / name)
    assert (table.sheet, table.header_row, table.frame.row(0)) == ("Hosts", 1, ("srv0", "10.0.0.0", "SN00000", "Linux"))


def test_a_workbook_that_would_unpack_to_too_much_is_not_unpacked(tmp_path: Path):
    path = tmp_path / "bomb.xlsx"
    path.write_bytes(_archive({"xl/worksheets/sheet1.xml": bytes(40 << 20)}))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(ReadingError, match="would unpack to 40 MiB; at most 30 MiB"):
        read(path, limits=ReadingLimits(unpacked_bytes=30 << 20))


def test_one_cell_in_the_far_corner_needs_no_memory(tmp_path: Path):
    def write(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("Hosts")
        _rows(sheet, [["Name", "IP", "Serial", "OS"], *_servers()])
        sheet.write_blank(20, 16_383, None, book.add_format({"bold": True}))

    def write_more(book: xlsxwriter.Workbook) -> None:
        write(book)
        book.get_worksheet_by_name("Hosts").write(1_048_575, 16_383, "x")

    assert read(written(tmp_path, write))[0].frame.shape == (12, 4)
    with pytest.raises(ReadingError, match="Hosts has 16,384 columns"):
        read(written(tmp_path, write_more))


def test_too_many_sheets_rows_or_columns(tmp_path: Path):
    def write(book: xlsxwriter.Workbook) -> None:
        _rows(book.add_worksheet("Hosts"), [["Name", "IP", "Serial", "OS"], *_servers()])
        book.add_worksheet("More")

    path = written(tmp_path, write)
    for limits, words in (
        (ReadingLimits(tables=1), "2 sheets"),
        (ReadingLimits(rows=5), "Hosts has more than 5 rows"),
        (ReadingLimits(columns=3), "Hosts has 4 columns"),
        (ReadingLimits(cell_characters=7), "Hosts has a cell of 9 characters"),
    ):
        with pytest.raises(ReadingError, match=words):
            read(path, limits=limits)
