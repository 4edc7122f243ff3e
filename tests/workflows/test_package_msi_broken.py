"""MSIs that are broken, by accident or on purpose: a word in the notes, and never an exception."""

from __future__ import annotations

import hashlib
import io
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflows.written_packages import analyzed, written
from workflows.package_deployment.analysis import Depth, PackageAnalysis, Technology
from workflows.package_deployment.compound_writer import Storage, write_compound
from workflows.package_deployment.installers.analyzing import analyze
from workflows.package_deployment.installers.cabinets import Cabinet
from workflows.package_deployment.installers.problems import InstallerError
from workflows.package_deployment.msi_writer import Package, cabinet, encode_name
from workflows.package_deployment.sample import sample_rows, sample_streams

SIGNATURE = "The signature"


def notes_of(found: PackageAnalysis) -> list[str]:
    return [note for note in found.notes if not note.startswith(SIGNATURE)]


def test_a_compound_file_that_is_no_msi(tmp_path: Path):
    write_compound(tmp_path / "a.doc", Storage(streams={"WordDocument": b"text" * 2_000}))
    found = analyze(tmp_path / "a.doc")
    assert found.technology is Technology.UNKNOWN
    assert notes_of(found) == [
        "The MSI could not be read. It is a compound file, but not an MSI: it has no database of Windows Installer."
    ]


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.8, 0.95])
def test_a_truncated_msi_has_a_word(tmp_path: Path, share: float):
    path = written(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    found = analyze(path, Depth.DEEP)
    assert len(notes_of(found)) >= 1 and found.size_bytes == int(len(content) * share)


def test_any_byte_can_be_wrong(tmp_path: Path):
    path = written(tmp_path)
    content = path.read_bytes()
    for place in range(0, len(content), 61):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        found = analyze(path, Depth.DEEP)
        assert found.technology in (Technology.MSI, Technology.UNKNOWN)
        assert found.technology is Technology.MSI or notes_of(found)


def replaced(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Return what changes one stream of a written MSI, by writing the compound file again."""
    import olefile

    def act(path: Path) -> None:
        with olefile.OleFileIO(str(path)) as compound:
            streams = {kid.name: compound.openstream([kid.name]).read() for kid in compound.root.kids}
        streams[encode_name(name)] = change(streams[encode_name(name)])
        write_compound(path, Storage(streams=streams))

    return act


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("!_StringPool", lambda content: content[:3], "it has no database"),
        ("!_StringData", lambda content: content[:40], "The texts of its database are incomplete."),
        ("!_Columns", lambda content: b"", "no description of its tables"),
        ("!_Columns", lambda content: b"\xff" * len(content), "a text that does not exist"),
        ("!Property", lambda content: b"\xfe\xff" * (len(content) // 2), "a text that does not exist"),
        ("!Property", lambda content: b"\0\0" * 2_100_000, "more than are read"),
        ("!_StringPool", lambda content: content[:4] + struct.pack("<HHI", 0, 1, 0xFFFFFFF0), "are incomplete"),
    ],
)
def test_tables_that_are_wrong(tmp_path: Path, name: str, change: Callable[[bytes], bytes], words: str):
    path = written(tmp_path)
    replaced(name, change)(path)
    found = analyze(path, Depth.DEEP)
    [note] = notes_of(found)
    assert note.startswith("The MSI could not be read.") and words in note


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "It is incomplete."),
        (b"MSCF" + bytes(20), "It is incomplete."),
        (b"PK\x03\x04" + bytes(60), "It does not begin like a cabinet."),
        (sample_streams()["files.cab"][:-5], "Its content is damaged."),
        (sample_streams()["files.cab"][:200] + bytes(60) + sample_streams()["files.cab"][260:], "is damaged"),
    ],
)
def test_cabinets_that_are_wrong(tmp_path: Path, content: bytes, words: str):
    found = analyzed(tmp_path, streams={"files.cab": content})
    [note] = [note for note in notes_of(found) if note.startswith("The cabinet files.cab could not be unpacked.")]
    assert words in note
    assert len(found.files) == 2


def test_a_cabinet_that_is_missing(tmp_path: Path):
    found = analyzed(tmp_path, streams={})
    assert "The cabinet files.cab could not be unpacked. The MSI does not contain it." in found.notes


def test_files_of_a_cabinet_that_overlap_far_back_have_no_digest(tmp_path: Path):
    content = bytearray(cabinet({"agent.exe": b"a" * 40_000, "readme.txt": b"b" * 100}))
    at = content.index(b"readme.txt\0") - 16
    struct.pack_into("<I", content, at + 4, 50)
    found = analyzed(tmp_path, streams={"files.cab": bytes(content)})
    assert {file.path[-10:]: bool(file.sha256) for file in found.files} == {"eAgent.exe": True, "readme.txt": False}


def test_a_cabinet_that_says_the_same_content_again_and_again_is_given_up():
    """Thousands of folders that all point to the same blocks: a small file with an endless content."""
    content, count = b"x" * 32_768 * 40, 3_000
    blocks = cabinet({"a": content})[36 + 8 + 18 :]
    files = [struct.pack("<IIHHHH", len(content), 0, number, 0, 0, 0) + b"a\0" for number in range(count)]
    start = 36 + 8 * count + 18 * count
    body = struct.pack("<IHH", start, 40, 1) * count + b"".join(files) + blocks
    head = struct.pack("<4s4xI4xI4xBBHHHHH", b"MSCF", 36 + len(body), 36 + 8 * count, 3, 1, count, count, 0, 0, 0)
    with pytest.raises(InstallerError, match="It takes too long"):
        for unpacked in Cabinet(io.BytesIO(head + body)).unpacked(time.monotonic() + 0.2):
            assert unpacked.sha256 == hashlib.sha256(content).hexdigest()


def test_numbers_and_columns_that_make_no_sense(tmp_path: Path):
    rows = sample_rows()
    found = analyzed(
        tmp_path,
        {
            "File": [(*row[:3], -5, *row[4:7], -3) for row in rows["File"]],
            "Media": [(1, -1, None, None, None, None)],
            "ServiceInstall": [(*row[:3], -16, 77, -1, *row[6:]) for row in rows["ServiceInstall"]],
        },
    )
    assert found.installed_bytes == 0 and found.msi and found.msi.services[0].start == ""


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("Directory", "The table of folders"), ("CustomAction", "The table of custom actions"),
        ("File", "The table of files"), ("Feature", "The table of features"),
        ("ServiceInstall", "The table of services"), ("Upgrade", "The table of upgrades"),
        ("LaunchCondition", "The table of launch conditions"),
        ("InstallExecuteSequence", "The sequence of the installation"),
    ],
)  # fmt: skip
def test_a_damaged_table_does_not_hide_the_others(tmp_path: Path, table: str, words: str):
    path = written(tmp_path, {"CustomAction": [("Act", 1, "source", "target", None)]})
    replaced(f"!{table}", lambda content: b"\xfe\xff" * (len(content) // 2))(path)
    found = analyze(path, Depth.DEEP)
    assert f"{words} could not be read. A table of its database refers to a text that does not exist." in found.notes
    assert (found.product_name, found.version) == ("Example Agent", "2.4.1")
    assert found.msi and found.msi.properties and found.switch("uninstall")
    assert bool(found.msi.services) == (table != "ServiceInstall") and bool(found.files) == (table != "File")


def test_texts_that_name_each_other_do_not_grow_without_end(tmp_path: Path):
    long, many = "x" * 30_000, "[LONG]" * 100
    began = time.process_time()
    found = analyzed(
        tmp_path,
        {"ServiceInstall": [(f"s{number}", f"[LONG]{number}", many, 16, 2, 1, None, None, many, None, many, "A", None)
                            for number in range(2_000)],
         "Directory": [("INSTALLDIR", "D0", "d"), *((f"D{number}", f"D{number + 1}", long) for number in range(70))]},
        properties={"LONG": long},
    )  # fmt: skip
    assert time.process_time() - began < 10
    assert found.msi and all(len(service.display_name) == 1_000 for service in found.msi.services)
    assert len(found.files[0].path) <= 1_000


def test_missing_tables_are_no_problem(tmp_path: Path):
    gone = ("Directory", "Component", "Feature", "Media", "InstallExecuteSequence", "ServiceInstall", "Upgrade")
    found = analyzed(tmp_path, without=gone)
    assert found.technology is Technology.MSI and notes_of(found) == []
    assert found.files[0].path == "TARGETDIR\\ExampleAgent.exe"


def test_a_database_without_properties_is_not_a_package(tmp_path: Path):
    found = analyzed(tmp_path, change=_without_properties)
    assert "has no properties" in notes_of(found)[0]


def _without_properties(package: Package) -> None:
    package.tables = {name: table for name, table in package.tables.items() if name != "Property"}
