"""Encrypts what is stored with the key that encrypts now: after a new key, and what is older than encryption.

It works in small transactions, each of which leaves everything readable, so it can be killed at any moment, and several
processes can do it at once: each takes the rows that no other has locked. The portal runs meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.domain.errors import UnavailableFileError
from app.domain.people import Actor
from app.services.clock import Clock
from app.services.files.contents import FolderContents, open_part, seal_part
from app.services.files.rules import PART_BYTES
from app.services.files.uploads import Files
from app.services.record.audit import record
from app.services.vault.ring import KeyRing, SealError, key_id_of, key_ring
from app.services.vault.values import CALLBACK_ADDRESS, CALLBACK_SECRET, PREFIX, Vault
from app.settings import Settings, SettingsError
from app.store.engine import Sessions, make_engine, make_sessions
from app.store.files import FileChunk, FilePlace, StoredFile
from app.store.notify import CallbackRow, Destination, PushSubscription

PARTS_AT_ONCE = 8
"""Parts of one transaction, so at most that many times 512 KiB are in memory."""
_VALUES_AT_ONCE = 100

Column = InstrumentedAttribute[str]


@dataclass(frozen=True)
class _SealedColumn:
    """A column of sealed values; `about` names what a row's value is about."""

    column: Column
    key: Column
    about: Callable[[str], str]

    @property
    def key_id(self) -> ColumnElement[str]:
        """The key of a row's value; empty for a value from before there were keys."""
        return case((self.column.like(f"{PREFIX}%"), func.split_part(self.column, ".", 2)), else_="")


_SEALED = (
    _SealedColumn(Destination.address, Destination.id, "address of destination {}".format),
    _SealedColumn(Destination.secret, Destination.id, "secret of destination {}".format),
    _SealedColumn(Destination.former_secret, Destination.id, "secret of destination {}".format),
    _SealedColumn(CallbackRow.address, CallbackRow.request_id, lambda _id: CALLBACK_ADDRESS),
    _SealedColumn(CallbackRow.secret, CallbackRow.request_id, lambda _id: CALLBACK_SECRET),
    _SealedColumn(PushSubscription.endpoint, PushSubscription.endpoint_hash, "endpoint {}".format),
    _SealedColumn(PushSubscription.p256dh, PushSubscription.endpoint_hash, "p256dh {}".format),
    _SealedColumn(PushSubscription.auth, PushSubscription.endpoint_hash, "auth {}".format),
)


@dataclass
class KeyUse:
    """How much is encrypted with each key, by its id; the empty id stands for what is from before there were keys.

    Attributes:
        parts: Parts of files.
        values: Addresses and secrets.
    """

    parts: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)

    @property
    def ids(self) -> set[str]:
        """All keys that are needed."""
        return {key_id for key_id in (*self.parts, *self.values) if key_id}

    def left(self, primary: str) -> int:
        """How much is not encrypted with this key."""
        return sum(count for used in (self.parts, self.values) for key_id, count in used.items() if key_id != primary)


class KeyRotation:
    """Finds out with which keys data is encrypted, and encrypts it with the current one."""

    def __init__(self, sessions: Sessions, clock: Clock, files: Files, vault: Vault) -> None:
        self._sessions = sessions
        self._clock = clock
        self._files = files
        self._vault = vault
        self._ring = vault.ring

    def use(self) -> KeyUse:
        """How much is encrypted with each key."""
        return key_use(self._sessions, self._files)

    def note(self, actor: Actor, key_id: str, done: int, left: int) -> None:
        """Record that data was encrypted with a key."""
        with self._sessions.begin() as session:
            record(session, actor, "key.rotated", self._clock(), key=key_id, encrypted=done, left=left)

    def run(self, patient: bool = False) -> Iterator[int]:
        """Encrypt everything that is not encrypted with the current key, and yield how much after each transaction.

        What cannot be read is left out.

        Args:
            patient: Wait for what another process has locked, instead of leaving it out.

        Raises:
            SealError: There is no key.
        """
        yield from self._values()
        yield from self._parts(patient)
        yield from self._plain_files(patient)

    def _values(self) -> Iterator[int]:
        for sealed in _SEALED:
            after = ""
            while True:
                query = select(sealed.key, sealed.column).where(sealed.column != "", sealed.key > after)
                with self._sessions.reads() as session:
                    rows = session.execute(query.order_by(sealed.key).limit(_VALUES_AT_ONCE)).all()
                if not rows:
                    break
                after = rows[-1][0]
                yield sum(self._reseal(sealed, key, old) for key, old in rows)

    def _reseal(self, sealed: _SealedColumn, key: str, old: str) -> int:
        if self._vault.is_current(old):
            return 0
        try:
            new = self._vault.seal(self._vault.open(old, sealed.about(key)), sealed.about(key))
        except SealError:
            if not self._ring.keys:
                raise
            return 0  # its key is missing, which the use shows
        change = update(sealed.column.class_).where(sealed.key == key, sealed.column == old)
        with self._sessions.begin() as session:
            return len(session.execute(change.values({sealed.column: new}).returning(sealed.key)).all())

    def _parts(self, patient: bool) -> Iterator[int]:
        """Parts that have rows, in the database and in the folder."""
        after = ("", -1)
        while True:
            with self._sessions.begin() as session:
                rows = session.execute(self._next_parts(after, patient)).all()
                for chunk, file in rows:
                    self._reseal_part(chunk, file)
            if not rows:
                return
            after = (rows[-1][0].file_id, rows[-1][0].start)
            yield sum(chunk.key_id == self._ring.primary.id for chunk, _file in rows)

    def _next_parts(self, after: tuple[str, int], patient: bool) -> Any:
        readable = ["", *(key.id for key in self._ring.keys[1:])]
        place = func.row(FileChunk.file_id, FileChunk.start) > func.row(*after)
        query = select(FileChunk, StoredFile).join(StoredFile, StoredFile.id == FileChunk.file_id)
        query = query.where(FileChunk.key_id.in_(readable), place).order_by(FileChunk.file_id, FileChunk.start)
        return query.limit(PARTS_AT_ONCE).with_for_update(of=FileChunk, skip_locked=not patient)

    def _reseal_part(self, chunk: FileChunk, file: StoredFile) -> None:
        """Encrypt a part, unless it cannot be read; then it stays as it is."""
        try:
            if file.place == FilePlace.FOLDER.value:
                chunk.key_id = self._reseal_in_folder(file, chunk.start)
                return
            content = open_part(self._ring, file, chunk.start, chunk.content) if chunk.key_id else chunk.content
        except (UnavailableFileError, OSError):
            return
        chunk.content = seal_part(self._ring, file.id, chunk.start, content)
        chunk.key_id = key_id_of(chunk.content)

    def _reseal_in_folder(self, file: StoredFile, start: int) -> str:
        store = self._files.store_of(file)
        assert isinstance(store, FolderContents)
        # A process that died may have encrypted it already: the part itself says with which key.
        return store.put(file.id, start, store.part(file, start))

    def _plain_files(self, patient: bool) -> Iterator[int]:
        """Files in the folder from before there was encryption, which have no parts."""
        for file_id in plain_files(self._sessions, self._files):
            store, complete = self._files.folder, False
            while store is not None and not complete:
                with self._sessions.begin() as session:
                    count, complete = self._encrypt_plain(session, store, file_id, patient)
                if complete:
                    store.forget_plain(file_id)  # only now that all rows are committed
                elif not count:
                    break
                yield count

    def _encrypt_plain(self, session: Session, store: FolderContents, file_id: str, patient: bool) -> tuple[int, bool]:
        """Encrypt the next parts of such a file. Returns their number, and True if these were the last."""
        query = select(StoredFile).where(StoredFile.id == file_id).with_for_update(skip_locked=not patient)
        file = session.scalar(query)
        if file is None or not store.has_plain(file_id):
            return 0, False
        bounds = select(FileChunk.start, FileChunk.size).where(FileChunk.file_id == file_id).order_by(FileChunk.start)
        gaps = _gaps(file.received, [(start, size) for start, size in session.execute(bounds)])
        some = list(islice(gaps, PARTS_AT_ONCE))
        for start, length in some:
            key_id = store.put(file_id, start, store.plain(file_id, start, length))
            row = insert(FileChunk).values(file_id=file_id, start=start, size=length, key_id=key_id, content=b"")
            session.execute(row)
        return len(some), len(some) < PARTS_AT_ONCE


def _gaps(end: int, covered: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The places before `end` that no part covers, in pieces of a part's size, as start and length."""
    at = 0
    for start, size in [*covered, (end, 0)]:
        while at < start:
            length = min(PART_BYTES, start - at)
            yield at, length
            at += length
        at = start + size


def plain_files(sessions: Sessions, files: Files) -> list[str]:
    """The files in the folder from before there was encryption, as far as this process has the folder."""
    store = files.folder
    if store is None:
        return []
    with sessions.reads() as session:
        ids = session.scalars(select(StoredFile.id).where(StoredFile.place == FilePlace.FOLDER.value)).all()
    return [file_id for file_id in ids if store.has_plain(file_id)]


def key_use(sessions: Sessions, files: Files | None = None) -> KeyUse:
    """How much is encrypted with each key.

    Args:
        files: With them, content in the folder from before there was encryption counts as one part for each file.
    """
    found = KeyUse()
    with sessions.reads() as session:
        counted = select(FileChunk.key_id, func.count()).group_by(FileChunk.key_id)
        for key_id, count in session.execute(counted):
            found.parts[key_id] += count
        for sealed in _SEALED:
            key = sealed.key_id
            for key_id, count in session.execute(select(key, func.count()).where(sealed.column != "").group_by(key)):
                found.values[key_id] += count
    if files is not None and (plain := plain_files(sessions, files)):
        found.parts[""] += len(plain)
    return found


def needed_keys(sessions: Sessions) -> set[str]:
    """The ids of all keys with which something is encrypted.

    Parts of files are not counted for it: from key to key along their index, a start costs the same with millions.
    """
    found: set[str] = set()
    with sessions.reads() as session:
        last: str | None = ""
        while last := session.scalar(select(func.min(FileChunk.key_id)).where(FileChunk.key_id > last)):
            found.add(last)
        for sealed in _SEALED:
            found.update(session.scalars(select(sealed.key_id).where(sealed.column != "").distinct()))
    return found - {""}


def check_keys(sessions: Sessions, ring: KeyRing) -> None:
    """Raise SettingsError unless all keys that are needed are configured; for the start of a process."""
    known = {key.id for key in ring.keys}
    if missing := sorted(needed_keys(sessions) - known):
        raise SettingsError(
            f"ASSENT_ENCRYPTION_KEYS: stored data is encrypted with the key {', '.join(missing)}, which is not "
            "configured. Add it behind the others, or restore the ASSENT_SECRET_KEY that it was derived from"
        )


def check_keys_of(settings: Settings) -> None:
    """Check the keys in the settings as `check_keys` does, on the settings' database."""
    engine = make_engine(settings.database_url, pool_size=1, application_name="assent start")
    try:
        check_keys(make_sessions(engine), key_ring(settings))
    finally:
        engine.dispose()
