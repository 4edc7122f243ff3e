"""What encryption of stored files costs: python -m bench.encryption [--megabytes 64]

Writes and reads a file in the database and in a folder, as uploads and downloads do, with keys and with a key ring
that copies instead of encrypting, in turn; and rotates it to another key.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from app.domain.people import Actor, Role, Via
from app.services.bundle import Services, build_services
from app.services.files.rules import PART_BYTES, FileRules
from app.services.key_rotation import KeyRotation
from app.services.vault.ring import OVERHEAD, EncryptionKey, KeyRing, key_id_of, new_key, parse_keys
from app.store.engine import make_engine
from bench.support import database
from tests.factories import make_person

ROUNDS = 3
T = TypeVar("T")


class Copying(KeyRing):
    """A key ring that changes nothing but the length, for comparison."""

    def seal(self, purpose: str, about: str, content: bytes) -> bytes:
        """Return the content behind as many bytes as encryption adds."""
        return b"\x01" + bytes.fromhex(self.primary.id) + bytes(OVERHEAD - 5) + content

    def open(self, purpose: str, about: str, sealed: bytes) -> bytes:
        """Return the content."""
        self.find(key_id_of(sealed))
        return sealed[OVERHEAD:]


def main() -> None:
    """Print megabytes per second."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--megabytes", type=int, default=64)
    content = bytes(range(256)) * (arguments.parse_args().megabytes * 4096)
    old, new = (parse_keys(new_key(), "bench")[0] for _ in range(2))
    with database("encryption") as address, tempfile.TemporaryDirectory(prefix="assent-bench-") as folder:
        engine = make_engine(address)
        for place, name in ((None, "database"), (Path(folder), "folder")):
            rules = FileRules(largest=10**10, per_person=10**11, total=10**12, folder=place)

            def services(ring: KeyRing, rules: FileRules = rules) -> Services:
                return build_services(engine, files=rules, ring=ring)

            owner = make_person(services(KeyRing()).sessions, f"Uploader to the {name}", [Role.REVIEWER])
            _compare(name, services, old, new, owner.as_actor(Via.PAGE), content)


def _compare(
    place: str,
    services: Callable[[KeyRing], Services],
    old: EncryptionKey,
    new: EncryptionKey,
    owner: Actor,
    content: bytes,
) -> None:
    best: dict[str, float] = {}
    for _round in range(ROUNDS):
        for kind, ring in (("copied", Copying("", (old,))), ("encrypted", KeyRing("", (old,)))):
            store = services(ring)
            file_id, seconds = _timed(lambda store=store: _write(store, owner, content))  # type: ignore[misc]
            best[f"write, {kind}"] = min(seconds, best.get(f"write, {kind}", seconds))
            size, seconds = _timed(lambda store=store, file_id=file_id: _read(store, owner, file_id))  # type: ignore[misc]
            assert size == len(content)
            best[f"read, {kind}"] = min(seconds, best.get(f"read, {kind}", seconds))
            if kind == "encrypted":
                later = services(KeyRing("", (new, old)))
                rotation = KeyRotation(later.sessions, later.clock, later.files, later.vault)
                _, seconds = _timed(lambda rotation=rotation: sum(rotation.run()))  # type: ignore[misc]
                best["rotate"] = min(seconds, best.get("rotate", seconds))
            store.files.delete(owner, file_id)
    for what, seconds in best.items():
        print(f"{place:10}{what:20}{len(content) / 1e6 / seconds:8.0f} MB/s")


def _timed(act: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    result = act()
    return result, time.perf_counter() - began


def _write(store: Services, owner: Actor, content: bytes) -> str:
    file = store.files.begin(owner, "bench.csv", len(content))
    for start in range(0, len(content), PART_BYTES):
        store.files.put(owner, file.id, start, content[start : start + PART_BYTES])
    return file.id


def _read(store: Services, owner: Actor, file_id: str) -> int:
    file = store.files.get(owner, file_id)
    contents, start = store.files.store_of(file), 0
    while start < file.received:
        start += len(contents.read(file, start, 1 << 20))
    return start


if __name__ == "__main__":
    main()
