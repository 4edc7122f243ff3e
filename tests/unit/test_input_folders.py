"""Paths in inputs lead into the operator's folders, whatever links and dots they contain, or nowhere."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from app.domain.errors import InvalidInputError, UnavailableFileError
from app.services.files.fields import file_fields
from app.services.files.folders import open_inside


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """A listed folder with a file, beside a secret that is not in it, and links both ways."""
    folder, outside = tmp_path / "inputs", tmp_path / "outside"
    (folder / "deep").mkdir(parents=True)
    outside.mkdir()
    (folder / "deep" / "orders.csv").write_text("a,b")
    (outside / "secret").write_text("swordfish")
    (folder / "to_secret").symlink_to(outside / "secret")
    (folder / "to_outside").symlink_to(outside)
    (folder / "to_orders").symlink_to(folder / "deep" / "orders.csv")
    (folder / "loop").symlink_to("loop")
    (outside / "back").symlink_to(folder / "deep")
    (tmp_path / "inputs_too").mkdir()
    (tmp_path / "inputs_too" / "secret").write_text("swordfish")
    os.mkfifo(folder / "pipe")
    return folder


@pytest.mark.parametrize(
    "path",
    ["deep/orders.csv", "to_orders", "deep/../deep/orders.csv", "../outside/back/orders.csv", "./deep//orders.csv"],
)
def test_what_leads_inside_is_opened(inside: Path, path: str) -> None:
    with open_inside([inside.parent / "outside" / "none", inside], f"{inside}/{path}") as stream:
        assert stream.read() == b"a,b"


def test_a_folder_that_is_a_link_itself_is_followed(inside: Path) -> None:
    listed = inside.parent / "listed"
    listed.symlink_to(inside)
    with open_inside([listed], str(listed / "deep" / "orders.csv")) as stream:
        assert stream.read() == b"a,b"


@pytest.mark.parametrize(
    "path",
    ["to_secret", "to_outside/secret", "../outside/secret", "deep/../../outside/secret", "../inputs_too/secret",
     "../outside/none", "../none/none", ""],
)  # fmt: skip
def test_what_leads_out_is_refused_and_says_nothing_about_it(inside: Path, path: str) -> None:
    with pytest.raises(UnavailableFileError, match="does not lead into a folder"):
        open_inside([inside], f"{inside}/{path}")


@pytest.mark.parametrize(
    ("path", "words"),
    [("deep", "is not a file"), ("pipe", "is not a file"), ("none", "No such file"), ("loop", "links|symbolic")],
)
def test_what_is_no_file_is_refused(inside: Path, path: str, words: str) -> None:
    with pytest.raises(UnavailableFileError, match=words):
        open_inside([inside], f"{inside}/{path}")


@pytest.mark.parametrize("path", ["deep/orders.csv", "a\x00b", "/" + "x" * 5000, "", "assent-file:1"])
def test_other_texts_are_refused(inside: Path, path: str) -> None:
    with pytest.raises(UnavailableFileError, match="absolute path"):
        open_inside([inside], path)


def test_without_folders_there_are_no_paths(inside: Path) -> None:
    with pytest.raises(UnavailableFileError, match="no folders"):
        open_inside([], str(inside / "deep" / "orders.csv"))


def test_a_link_that_is_put_in_the_way_meanwhile_leads_nowhere(inside: Path) -> None:
    """A folder and a link out of it take turns under one name while the file is opened again and again."""
    good, name, ended = inside / "deep", inside / "turning", threading.Event()
    (inside.parent / "outside" / "orders.csv").write_text("swordfish")

    def turn() -> None:
        while not ended.is_set():
            good.rename(name)
            name.rename(good)
            name.symlink_to(inside.parent / "outside")
            name.unlink()

    other = threading.Thread(target=turn)
    other.start()
    seen = set()
    try:
        for _ in range(3000):
            try:
                with open_inside([inside], str(name / "orders.csv")) as stream:
                    seen.add(stream.read())
            except UnavailableFileError:
                continue
    finally:
        ended.set()
        other.join()
    assert seen <= {b"a,b"}


def test_a_link_instead_of_a_resolved_folder_is_not_followed(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The moment between resolving and opening, for certain."""
    real = os.path.realpath

    def swapped(path: str | Path) -> str:
        found = real(path)
        if str(path).endswith("orders.csv"):
            (inside / "deep").rename(inside / "moved")
            (inside / "deep").symlink_to(inside.parent / "outside")
            (inside.parent / "outside" / "orders.csv").write_text("swordfish")
        return found

    monkeypatch.setattr(os.path, "realpath", swapped)
    with pytest.raises(UnavailableFileError):
        open_inside([inside], str(inside / "deep" / "orders.csv"))


FILE = {"type": "string", "format": "assent-file"}


@pytest.mark.parametrize(
    ("schema", "value", "found"),
    [
        ({"properties": {"a": FILE, "b": {"type": "string"}}}, {"a": "/x", "b": "/y"}, {"input.a": "/x"}),
        ({"properties": {"a": {"anyOf": [FILE, {"type": "null"}]}}}, {"a": "/x"}, {"input.a": "/x"}),
        ({"properties": {"a": {"anyOf": [FILE, {"type": "null"}]}}}, {"a": None}, {}),
        ({"properties": {"a": {"items": FILE}}}, {"a": ["/x", "/y"]}, {"input.a.0": "/x", "input.a.1": "/y"}),
        ({"properties": {"a": {"prefixItems": [{}, FILE]}}}, {"a": ["/x", "/y"]}, {"input.a.1": "/y"}),
        ({"additionalProperties": FILE}, {"a": "/x"}, {"input.a": "/x"}),
        ({"$defs": {"F": FILE}, "properties": {"a": {"$ref": "#/$defs/F"}}}, {"a": "/x"}, {"input.a": "/x"}),
        ({"$ref": "#"}, {"a": "/x"}, {}),
        ({"allOf": [{"$ref": "#"}, {"properties": {"a": FILE}}]}, {"a": "/x"}, {"input.a": "/x"}),
    ],
)
def test_fields_that_are_files(schema: object, value: object, found: dict[str, str]) -> None:
    assert file_fields(schema, value) == found


def test_a_schema_that_explodes_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        file_fields({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}, {})
