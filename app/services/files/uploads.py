"""Files that people and programs upload: begun, filled part by part, completed, read, deleted.

From its beginning, an upload has a row that says how much of it has arrived, so an uploader that was cut off
continues from there, in any process. Only its owner sees a file until a run uses it, and no run can use it before it is
complete.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import BinaryIO

from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import Session

from app.domain.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    TooLargeError,
    UnavailableFileError,
)
from app.domain.people import SYSTEM, Action, Actor
from app.domain.run_protocol import Statement
from app.domain.text import is_storable
from app.domain.weight import MOST, note_write, weigh
from app.services.clock import Clock
from app.services.files.checks import (
    complaints,
    facts,
    is_of_sight,
    is_owner,
    no_file,
    refuse_if_any_uses,
    refuse_if_used,
    unexpected,
    wrong_digest,
)
from app.services.files.contents import Contents, DatabaseContents, FolderContents, pieces
from app.services.files.folders import open_inside
from app.services.files.rules import LEAST_SHARE, SMALLEST_COUNTED, FileRules
from app.services.record.audit import record
from app.services.sight import seen_runs
from app.services.vault.ring import KeyRing
from app.store.batch import Batch
from app.store.engine import Sessions
from app.store.files import FilePlace, FileState, FileUse, StoredFile
from app.store.runs import Run
from assent.files import PREFIX, file_id_of
from assent.masking import mask_text

_HASH_A_BYTE = 0.01
"""Microseconds to read a byte of a file and add it to its digest."""
LOCK = "select pg_advisory_xact_lock(hashtext('assent files'))"
"""Held while an upload begins."""
_BEGIN = f"""
    with taken as (
        select coalesce(sum(greatest(size, {SMALLEST_COUNTED})), 0) as total,
            coalesce(sum(greatest(size, {SMALLEST_COUNTED})) filter (where owner_id = %(owner_id)s), 0) as own
        from files)
    insert into files (id, name, size, received, state, place, wanted_sha256, sha256, version, owner_id, owner_name,
        owner_agent, created_at, updated_at)
    select %(id)s, %(name)s, %(size)s::bigint, 0, '{FileState.UPLOADING}', %(place)s, %(wanted)s, '', 1, %(owner_id)s,
        %(owner_name)s, %(owner_agent)s, %(now)s, %(now)s
    from taken where total + greatest(%(size)s::bigint, {SMALLEST_COUNTED}) <= %(most)s::bigint
        and own + greatest(%(size)s::bigint, {SMALLEST_COUNTED}) <= %(most_own)s::bigint
    on conflict (id) do nothing returning id"""
_COMPLETE = f"""
    update files set state = '{FileState.COMPLETE}', sha256 = %(sha256)s, version = version + 1, updated_at = %(now)s
    where id = %(id)s and version = %(version)s and state = '{FileState.UPLOADING}' returning id"""


class Files:
    """Uploads, and who may see them.

    Args:
        rules: Limits and places.
        ring: The keys with which contents are encrypted; without one, nothing can be stored.

    Attributes:
        place: Where the contents of new files go.
    """

    def __init__(
        self, sessions: Sessions, clock: Clock, rules: FileRules | None = None, ring: KeyRing | None = None
    ) -> None:
        self.rules = rules or FileRules()
        ring = ring or KeyRing()
        self._sessions = sessions
        self._clock = clock
        self._stores: dict[str, Contents] = {FilePlace.DATABASE.value: DatabaseContents(sessions, ring)}
        if self.rules.folder is not None:
            self._stores[FilePlace.FOLDER.value] = FolderContents(self.rules.folder, sessions, ring)
        self.place = FilePlace.FOLDER if self.rules.folder is not None else FilePlace.DATABASE

    def begin(self, actor: Actor, name: str, size: int, sha256: str = "", made_as: str = "") -> StoredFile:
        """Begin an upload. Its size counts at once.

        Args:
            sha256: Digest that the complete content must have, in hexadecimal; empty: any.
            made_as: The file's id, if the same call may be repeated; empty: a new one.

        Raises:
            ForbiddenError: The actor may not start runs.
            InvalidInputError: The name, size, or digest is not valid.
            TooLargeError: The file is too large, or there is no room for it.
        """
        actor.require(Action.START_RUN)
        wrong = complaints(name, size, sha256)
        if wrong:
            raise InvalidInputError("This upload is not valid.", wrong)
        if size > self.rules.largest:
            raise TooLargeError(f"A file has at most {self.rules.largest:,} bytes; this one has {size:,}.")
        file_id = made_as or str(uuid.uuid4())
        values = {
            "id": file_id, "name": mask_text(name), "size": size, "place": self.place.value, "wanted": sha256.lower(),
            "owner_id": actor.id, "owner_name": actor.name, "owner_agent": actor.name if actor.kind == "agent" else "",
            "now": self._clock(), "most": self.rules.total, "most_own": self.rules.per_person,
        }  # fmt: skip
        note_write()
        # Two that begin at once would otherwise each see room that is enough for one.
        made = self._sessions.together([Statement(LOCK, {}), Statement(_BEGIN, values)])[1]
        found = self._find(file_id)
        if made or (found is not None and is_owner(found, actor)):
            assert found is not None
            return found
        raise TooLargeError(
            "There is no room for this file: all files together may have "
            f"{self.rules.total:,} bytes, and those of one person {self.rules.per_person:,}. Delete files that are no "
            "longer needed."
        )

    def put(self, actor: Actor, file_id: str, offset: int, content: bytes) -> StoredFile:
        """Add a part at byte `offset`, which must be the end of what has arrived. A repeated part changes nothing.

        Raises:
            NotFoundError: The actor has no such upload.
            ConflictError: Another part is expected, or the upload is complete; `received` says how much has arrived.
            InvalidInputError: The part is empty, or too small.
            TooLargeError: The part is too large, or goes beyond the announced size.
            UnavailableFileError: It cannot be stored.
        """
        actor.require(Action.START_RUN)
        self._refuse_part(content)
        self._stores[self.place.value].prepare()
        if not is_storable(file_id):
            raise no_file(file_id)
        note_write()
        with self._sessions.begin() as session:
            file = session.get(StoredFile, file_id, with_for_update=True)
            if file is None or not is_owner(file, actor):
                raise no_file(file_id)
            end = offset + len(content)
            if offset < file.received and end <= file.received:
                if self.store_of(file).read(file, offset, len(content)) == content:
                    return file
                raise unexpected(file, "Another part has arrived at this place.")
            if file.is_complete or offset != file.received:
                raise unexpected(file, f"The next part begins at byte {file.received}.")
            if end > file.size:
                raise TooLargeError(f"The file was announced with {file.size:,} bytes; this part ends at {end:,}.")
            if end < file.size and len(content) * LEAST_SHARE < self.rules.part_bytes:
                least = -(-self.rules.part_bytes // LEAST_SHARE)
                raise InvalidInputError(
                    "This part is too small.", {"": f"Each part but the last has at least {least:,} bytes."}
                )
            self.store_of(file).write(session, file, offset, content)
            file.received, file.version, file.updated_at = end, file.version + 1, self._clock()
        return file

    def _refuse_part(self, content: bytes) -> None:
        if not content:
            raise InvalidInputError("This part is empty.", {"": "Send the bytes of the file."})
        if len(content) > self.rules.part_bytes:
            raise TooLargeError(f"A part has at most {self.rules.part_bytes:,} bytes; this one has {len(content):,}.")

    def complete(self, actor: Actor, file_id: str, sha256: str = "") -> StoredFile:
        """Finish an upload, from when on runs can use it. Repeating this changes nothing.

        Raises:
            NotFoundError: The actor has no such upload.
            ConflictError: Parts are missing; `received` says how much has arrived.
            InvalidInputError: The content does not have the announced digest. It is discarded, and can be sent
                again. If `sha256` is no digest, nothing is discarded.
        """
        actor.require(Action.START_RUN)
        if wrong := wrong_digest(sha256):
            raise InvalidInputError("This is not a digest.", wrong)
        file = self._own(actor, file_id)
        wanted = {digest for digest in (sha256.lower(), file.wanted_sha256) if digest}
        if not file.is_complete:
            if file.received < file.size:
                raise unexpected(file, f"{file.size - file.received:,} bytes are missing.")
            weigh(file.size * _HASH_A_BYTE)
            file = self._finish(actor, file, wanted)
        if wanted - {file.sha256}:
            raise InvalidInputError("This file has another digest.", {"sha256": f"It is {file.sha256}."})
        return file

    def _finish(self, actor: Actor, file: StoredFile, wanted: Collection[str]) -> StoredFile:
        digest = hashlib.sha256()
        for piece in pieces(self.store_of(file), file):
            digest.update(piece)
        found = digest.hexdigest()
        if set(wanted) - {found}:
            self._discard(file)
            raise InvalidInputError(
                "The content does not have the announced digest. It was discarded; send it again.",
                {"sha256": f"It is {found}."},
            )
        now = self._clock()
        batch = Batch(_COMPLETE, {"id": file.id, "version": file.version, "sha256": found, "now": now})
        record(batch, actor, "file.uploaded", now, **facts(file), sha256=found)
        batch.run(self._sessions)
        latest = self._find(file.id)
        if latest is None or not latest.is_complete:
            raise ConflictError("This upload has changed meanwhile.", received=latest.received if latest else 0)
        return latest

    def _discard(self, file: StoredFile) -> None:
        """Begin again, unless somebody else already has."""
        note_write()
        with self._sessions.begin() as session:
            latest = session.get(StoredFile, file.id, with_for_update=True)
            if latest is not None and latest.version == file.version:
                self.store_of(latest).clear(session, latest)
                latest.received, latest.version, latest.updated_at = 0, latest.version + 1, self._clock()

    def get(self, viewer: Actor, file_id: str) -> StoredFile:
        """A file of the viewer's own, or one that a run uses that the viewer sees. Raises NotFoundError."""
        found = self._seen(viewer, [file_id])
        if file_id not in found:
            raise no_file(file_id)
        return found[file_id]

    def content(self, viewer: Actor, file_id: str) -> tuple[StoredFile, Iterator[bytes]]:
        """A complete file, and its content in pieces. Raises NotFoundError, ConflictError, UnavailableFileError."""
        file = self.get(viewer, file_id)
        if not file.is_complete:
            raise unexpected(file, "This file has not been uploaded completely.")
        return file, pieces(self.store_of(file), file)

    def own(self, actor: Actor, before: tuple[datetime, str] | None = None, limit: int = 50) -> list[StoredFile]:
        """The actor's files, newest first, older than `before` (created_at, id)."""
        actor.require(Action.SEE)
        query = select(StoredFile).where(StoredFile.owner_id == actor.id)
        if actor.kind == "agent":
            query = query.where(StoredFile.owner_agent == actor.name)
        if before is not None:
            query = query.where(tuple_(StoredFile.created_at, StoredFile.id) < tuple_(*before))
        with self._sessions.reads() as session:
            ordered = query.order_by(StoredFile.created_at.desc(), StoredFile.id.desc()).limit(min(limit, 200))
            return list(session.scalars(ordered)) if actor.id else []

    def delete(self, actor: Actor, file_id: str) -> StoredFile:
        """Delete a file of the actor's own. Returns it as it was.

        Raises:
            NotFoundError: The actor has no such file.
            ConflictError: A run that has not ended uses it.
        """
        actor.require(Action.START_RUN)
        self._own(actor, file_id)
        return self._delete(file_id, actor, lambda session, file: refuse_if_used(session, file.id))

    def sweep(self) -> int:
        """Delete the files that no run uses, once they are older than the rules say. Returns their number."""
        now = self._clock()
        old = StoredFile.updated_at < now - self.rules.kept
        with self._sessions.reads() as session:
            unused = ~select(FileUse).where(FileUse.file_id == StoredFile.id).exists()
            ids = list(session.scalars(select(StoredFile.id).where(old, unused).limit(1000)))
        count = 0
        for file_id in ids:
            try:
                self._delete(file_id, SYSTEM, refuse_if_any_uses)
                count += 1
            except (ConflictError, NotFoundError):
                continue  # a run has begun with it, or its owner was faster
        self._sweep_folder(now)
        return count

    @property
    def folder(self) -> FolderContents | None:
        """The operator's folder; None if this process has none."""
        store = self._stores.get(FilePlace.FOLDER.value)
        return store if isinstance(store, FolderContents) else None

    def _sweep_folder(self, now: datetime) -> None:
        """Remove what a process that died has left in the folder of a file whose row is gone."""
        store = self.folder
        if store is None:
            return
        left = [file_id for file_id, at in store.ids() if at < now.timestamp() - 86_400]
        for start in range(0, len(left), 500):
            some = left[start : start + 500]
            with self._sessions.reads() as session:
                known = set(session.scalars(select(StoredFile.id).where(StoredFile.id.in_(some))))
            for file_id in set(some) - known:
                store.forget(file_id)

    def _delete(self, file_id: str, actor: Actor, check: Callable[[Session, StoredFile], None]) -> StoredFile:
        note_write()
        with self._sessions.begin() as session:
            # A run that begins with it holds the row until it has begun; after that, this check sees it.
            file = session.get(StoredFile, file_id, with_for_update=True)
            if file is None:
                raise no_file(file_id)
            check(session, file)
            session.execute(delete(FileUse).where(FileUse.file_id == file_id))
            session.execute(delete(StoredFile).where(StoredFile.id == file_id))
            record(session, actor, "file.deleted", self._clock(), **facts(file), owner=file.owner_name)
            session.expunge(file)
        self.forget(file)
        return file

    def forget(self, file: StoredFile) -> None:
        """Remove what is left of a file whose row has been deleted."""
        if (store := self._stores.get(file.place)) is not None:
            store.forget(file.id)  # otherwise a process that has the folder sweeps it

    def use(self, batch: Batch, actor: Actor, run_id: str, references: dict[str, str], named: dict[str, str]) -> None:
        """Add to a batch that a run uses these files.

        Args:
            references: Texts that name uploaded files, by the paths of their fields.
            named: Values of fields that are files, in the same way.

        Raises:
            InvalidInputError: The actor sees no such file, or it is not complete, or a path does not lead into a folder
                of the operator's; `fields` says where.
        """
        wrong = self._unusable({path: text for path, text in named.items() if path not in references})
        ids = {path: file_id_of(reference) for path, reference in references.items()}
        found = self._seen(actor, set(ids.values())) if ids else {}
        for path, file_id in ids.items():
            if file_id not in found:
                wrong[path] = "There is no such file. It may have been deleted: upload it again."
            elif not found[file_id].is_complete:
                wrong[path] = "This file has not been uploaded completely."
        if wrong:
            raise InvalidInputError("A file cannot be used.", wrong)
        for file_id in sorted(found):
            batch.add(FileUse, run_id=run_id, file_id=file_id)

    def _unusable(self, paths: dict[str, str]) -> dict[str, str]:
        """What is wrong with each path."""
        if paths and self.rules.input_folders:
            weigh(MOST + 1)  # a network volume may keep us waiting
        wrong: dict[str, str] = {}
        for path, given in paths.items():
            try:
                self.open_path(given).close()
            except UnavailableFileError as error:
                wrong[path] = str(error)
        return wrong

    def open_path(self, given: str) -> BinaryIO:
        """Open a file in one of the operator's folders. Raises UnavailableFileError."""
        if given.startswith(PREFIX):
            raise UnavailableFileError("This names no uploaded file.")
        return open_inside(self.rules.input_folders, given)

    def of_run(self, run_id: str, reference: str) -> tuple[StoredFile, Iterator[bytes]]:
        """A file that a run uses, for its steps, and its content in pieces.

        Raises:
            NotFoundError: The run does not use such a file.
            UnavailableFileError: The content cannot be read; also while it is being read.
        """
        file_id = file_id_of(reference)
        query = select(StoredFile).join(FileUse).where(FileUse.run_id == run_id, StoredFile.id == file_id)
        with self._sessions.reads() as session:
            file = session.scalar(query)
        if file is None:
            raise NotFoundError(
                f"Neither the input of this run nor a decision names the file {reference!r}, or it has been deleted."
            )
        return file, pieces(self.store_of(file), file)

    def used_by(self, run_id: str) -> list[StoredFile]:
        """The files that a run uses, by name."""
        query = select(StoredFile).join(FileUse).where(FileUse.run_id == run_id).order_by(StoredFile.name)
        with self._sessions.reads() as session:
            return list(session.scalars(query))

    def store_of(self, file: StoredFile) -> Contents:
        """Where the content of the file lies. Raises UnavailableFileError if this process cannot reach it."""
        store = self._stores.get(file.place)
        if store is None:
            raise UnavailableFileError(
                f"The file “{file.name}” lies in a folder, but ASSENT_FILES_DIR is not set for this process."
            )
        return store

    def _find(self, file_id: str) -> StoredFile | None:
        with self._sessions.reads() as session:
            return session.get(StoredFile, file_id) if is_storable(file_id) else None

    def _own(self, actor: Actor, file_id: str) -> StoredFile:
        found = self._find(file_id)
        if found is None or not is_owner(found, actor):
            raise no_file(file_id)
        return found

    def _seen(self, viewer: Actor, ids: Collection[str]) -> dict[str, StoredFile]:
        """Those of these files that the viewer may see, by their ids."""
        viewer.require(Action.SEE)
        with self._sessions.reads() as session:
            found = session.scalars(select(StoredFile).where(StoredFile.id.in_(filter(is_storable, ids)))).all()
            others = {file.id for file in found if not is_of_sight(file, viewer)}
            query = select(FileUse.file_id).join(Run, Run.id == FileUse.run_id).where(FileUse.file_id.in_(others))
            if (of_sight := seen_runs(viewer)) is not None:
                query = query.where(of_sight)
            used = set(session.scalars(query.distinct())) if others else set()
        return {file.id: file for file in found if file.id not in others or file.id in used}
