"""The frame of the analysis: what every file has, and parts that fail."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from pathlib import Path

import pytest

from workflows.package_deployment import analyzer
from workflows.package_deployment.analysis import Depth, Technology
from workflows.package_deployment.digests import read_digests
from workflows.package_deployment.installers import analyzing
from workflows.package_deployment.installers.file_facts import Kind, read_file_facts
from workflows.package_deployment.texts import clean

COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def program() -> bytes:
    return b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x80) + bytes(0x40) + b"PE\0\0" + bytes(100)


def zipped(name: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, b"content")
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("setup.exe", COMPOUND + bytes(504), Kind.COMPOUND),
        ("setup.msi", program(), Kind.PROGRAM),
        ("setup.exe", b"MZ" + bytes(200), Kind.OTHER),
        ("setup.msi", b"PK\x03\x04rest", Kind.OTHER),
        ("setup.msi", b"", Kind.OTHER),
        ("setup.exe", b"MZ", Kind.OTHER),
    ],
)
def test_the_content_says_what_a_file_is(tmp_path: Path, name: str, content: bytes, kind: Kind):
    path = tmp_path / name
    path.write_bytes(content)
    assert read_file_facts(path).kind is kind
    digests = read_digests(path)
    assert (digests.size, digests.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert digests.sha1 == hashlib.sha1(content).hexdigest() and digests.md5 == hashlib.md5(content).hexdigest()


def test_a_file_that_is_no_installer_says_what_it_looks_like(tmp_path: Path):
    path = tmp_path / "setup.msi"
    path.write_bytes(b"PK\x03\x04rest")
    found = analyzing.analyze(path)
    assert found.technology is Technology.UNKNOWN
    assert found.notes == ["This is neither an MSI nor a Windows program. It looks like a ZIP archive."]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (zipped("AppxManifest.xml"), "an MSIX or APPX package"),
        (zipped("AppxMetadata/AppxBundleManifest.xml"), "a bundle of MSIX or APPX packages"),
        (zipped("Example.nuspec"), "a NuGet package"),
        (zipped("META-INF/MANIFEST.MF"), "a Java archive"),
        (zipped("read me.txt"), "a ZIP archive"),
        ("@echo off\r\nrem Größe\r\n".encode(), "a text, such as a script"),
        (b"\xef\xbb\xbf" + "param($größe)\n".encode() * 9, "a text, such as a script"),
        ("Write-Host 'a'".encode("utf-16"), "a text, such as a script"),
        (bytes(range(1, 60)), ""),
    ],
)
def test_what_other_files_look_like(tmp_path: Path, content: bytes, words: str):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert read_file_facts(path).likeness == words


def test_a_part_that_fails_is_a_note_and_the_others_stay(tmp_path: Path):
    path = tmp_path / "setup.msi"
    path.write_bytes(COMPOUND + b"\xff" * 3000)
    found = analyzing.analyze(path, Depth.DEEP)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert any(note.startswith("The MSI could not be read.") for note in found.notes)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Example\tSoftware\r\nLtd", "Example Software  Ltd"),
        ("user\u202egpj.exe", "user\ufffdgpj.exe"),
        ("a\x00b\x1b[31m\u200b\ud800", "a\ufffdb\ufffd[31m\ufffd\ufffd"),
        ("Größe 大小 😀", "Größe 大小 😀"),
        ("x" * 2_000, "x" * 999 + "…"),
    ],
)
def test_texts_of_strangers_are_made_fit_to_show(text: str, shown: str):
    assert clean(text) == shown


def test_roots_come_from_a_file_or_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    root = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    (tmp_path / "a.pem").write_text(root)
    (tmp_path / "notes.txt").write_text(root)
    monkeypatch.delenv(analyzer.ROOTS_VARIABLE, raising=False)
    assert analyzer.read_roots() == []
    monkeypatch.setenv(analyzer.ROOTS_VARIABLE, str(tmp_path / "a.pem"))
    assert analyzer.read_roots() == [root]
    monkeypatch.setenv(analyzer.ROOTS_VARIABLE, str(tmp_path))
    assert analyzer.read_roots() == [root]
    (tmp_path / "a.pem").write_text("nothing")
    with pytest.raises(analyzer.AnalysisError, match="names no certificate"):
        analyzer.read_roots()
    monkeypatch.setenv(analyzer.ROOTS_VARIABLE, str(tmp_path / "absent"))
    with pytest.raises(analyzer.AnalysisError, match="No such file"):
        analyzer.read_roots()
