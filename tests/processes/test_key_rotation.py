"""`assent keys rotate` in processes of its own: killed in the middle, twice at once, and while the portal is used."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.domain.people import Actor, Role, Via
from app.installation import ROOT
from app.services.bundle import Services, build_services
from app.services.files.rules import FileRules
from app.services.key_rotation import key_use
from app.services.vault.ring import KeyRing, new_key, parse_keys
from app.store.engine import make_engine
from tests.factories import make_person
from tests.processes.crew import until
from tests.processes.harness import SECRET_KEY

PART = 64 * 1024
PARTS = 120
KEYS = f"{new_key()},{new_key()}"
NEW, OLD = parse_keys(KEYS, "")


class Store:
    """Files of a portal that encrypts with one key, and a command that encrypts them with another."""

    def __init__(self, database_url: str, data: Path, folder: Path | None) -> None:
        self.url, self.data, self.folder = database_url, data, folder
        rules = FileRules(part_bytes=PART, folder=folder)
        engine = make_engine(database_url)
        self.portal: Services = build_services(engine, files=rules, ring=KeyRing(SECRET_KEY, (OLD, NEW)))
        self.later: Services = build_services(engine, files=rules, ring=KeyRing(SECRET_KEY, (NEW, OLD)))
        self.owner: Actor = make_person(self.portal.sessions, "Uploader", [Role.REVIEWER]).as_actor(Via.PAGE)
        self.contents: dict[str, bytes] = {}

    def upload(self, number: int, parts: int) -> None:
        content = bytes([number]) * (parts * PART)
        file = self.portal.files.begin(self.owner, f"hosts {number}.csv", len(content))
        for start in range(0, len(content), PART):
            self.portal.files.put(self.owner, file.id, start, content[start : start + PART])
        self.portal.files.complete(self.owner, file.id)
        self.contents[file.id] = content

    def rotate(self) -> subprocess.Popen[str]:
        environment = os.environ | {
            "ASSENT_DATABASE_URL": self.url, "ASSENT_SECRET_KEY": SECRET_KEY, "ASSENT_ENCRYPTION_KEYS": KEYS,
            "ASSENT_DATA_DIR": str(self.data),
        }  # fmt: skip
        if self.folder is not None:
            environment["ASSENT_FILES_DIR"] = str(self.folder)
        command = [sys.executable, "-m", "app.cli.main", "keys", "rotate"]
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def rotated(self) -> int:
        return key_use(self.portal.sessions).parts[NEW.id]

    def assert_readable(self) -> None:
        for file_id, content in self.contents.items():
            assert b"".join(self.later.files.content(self.owner, file_id)[1]) == content


@pytest.fixture(params=["database", "folder"])
def store(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    folder = tmp_path / "files" if request.param == "folder" else None
    if folder is not None:
        folder.mkdir()
    made = Store(database_url, tmp_path / "data", folder)
    for number in range(6):
        made.upload(number, PARTS // 6)
    yield made
    made.portal.engine.dispose()


def test_killed_in_the_middle_it_resumes_where_it_stopped(store: Store) -> None:
    with store.portal.engine.connect() as holding:
        # One part is locked, so that no process can be through before it is killed.
        holding.execute(text("select from file_chunks order by file_id desc, start desc limit 1 for update"))
        for least in (1, 20):
            running = store.rotate()
            until(lambda least=least: store.rotated() >= least)
            running.send_signal(signal.SIGKILL)
            running.communicate()
            done = store.rotated()
            assert least <= done < PARTS
            store.assert_readable()
    said, _ = store.rotate().communicate(timeout=120)
    assert "Encrypted" in said and "left" not in said
    assert store.rotated() == PARTS
    store.assert_readable()


def test_two_at_once_share_the_work_while_files_come_and_go(store: Store) -> None:
    both = [store.rotate(), store.rotate()]
    until(lambda: store.rotated() > 0)
    store.upload(7, 10)
    gone = next(iter(store.contents))
    store.portal.files.delete(store.owner, gone)
    del store.contents[gone]
    store.assert_readable()
    assert [(one.communicate(timeout=120)[0], one.returncode)[1] for one in both] == [0, 0]
    store.rotate().communicate(timeout=120)  # what the older process has written meanwhile
    assert key_use(store.portal.sessions).ids == {NEW.id}
    store.assert_readable()
    with store.portal.sessions() as session:
        assert session.scalar(text("select count(*) from file_chunks")) == len(store.contents) * 20 - 10
