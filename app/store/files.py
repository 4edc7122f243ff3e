"""Uploaded files, their chunks, and the runs that use them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.base import Base


class FileState(StrEnum):
    """Whether a file can be used."""

    UPLOADING = "uploading"
    COMPLETE = "complete"


class FilePlace(StrEnum):
    """Where the content of a file lies."""

    DATABASE = "database"
    FOLDER = "folder"


class StoredFile(Base):
    """A file that somebody uploads, or a run saves. Its content lies in `FileChunk`, or in the operator's folder.

    `size` is the announced size and `received` what has arrived of it, in bytes, without gaps. `wanted_sha256` is the
    digest that the uploader announced, or empty; `sha256` is that of the complete content. `owner_agent` is the name
    of the agent that uploads it with the owner's token, or empty. `updated_at` is when the last part arrived. `run_id`
    is the run that has saved the file, which then has no owner; empty for an upload.
    """

    __tablename__ = "files"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str]
    place: Mapped[str]
    wanted_sha256: Mapped[str]
    sha256: Mapped[str]
    version: Mapped[int]
    owner_id: Mapped[str]
    owner_name: Mapped[str]
    owner_agent: Mapped[str]
    run_id: Mapped[str] = mapped_column(server_default="", default="")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_files_owner", "owner_id", "created_at", "id"),
        Index("ix_files_updated_at", "updated_at"),
        Index(
            "ix_files_of_run",
            "run_id",
            "name",
            unique=True,
            postgresql_where=text("run_id <> '' and state = 'complete'"),
        ),
    )

    @property
    def is_complete(self) -> bool:
        """True if runs can use it."""
        return self.state == FileState.COMPLETE.value


class FileChunk(Base):
    """A part of a file's content, from the byte `start`.

    `size` is its number of bytes. `content` is encrypted with the key `key_id`, unless that is empty: then it is from
    before there was encryption. For a file in the operator's folder, `content` is empty.
    """

    __tablename__ = "file_chunks"

    file_id: Mapped[str] = mapped_column(ForeignKey("files.id", ondelete="CASCADE"), primary_key=True)
    start: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(BigInteger)
    key_id: Mapped[str] = mapped_column(server_default="", default="")
    content: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (Index("ix_file_chunks_key", "key_id"),)


class FileUse(Base):
    """A run that uses a file. A file that a run uses cannot be deleted as long as this says so.

    `opened_at` is when a step has first opened it; None: none has.
    """

    __tablename__ = "run_files"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    file_id: Mapped[str] = mapped_column(ForeignKey("files.id"), primary_key=True)
    opened_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_run_files_file", "file_id"),)
