"""The documents of uploaded files."""

from __future__ import annotations

from pydantic import Field

from app.api.models import Output, Time
from app.http.body import Input, PlainText, QueryArguments
from app.store.files import FileState


class FileIn(Input):
    """An upload to begin."""

    name: PlainText = Field(min_length=1, max_length=255, description="Without a slash")
    size: int = Field(ge=0, lt=2**53, description="Bytes")
    sha256: PlainText = Field(
        default="", max_length=64, description="Digest that the complete content must have; empty: any"
    )


class CompleteFileIn(Input):
    """The end of an upload."""

    sha256: PlainText = Field(
        default="", max_length=64, description="Digest that the complete content must have; empty: any"
    )


class FileOut(Output):
    """A file. `reference` is what the input of a run names it by."""

    id: str
    reference: str
    name: str
    size: int
    received: int = Field(description="Bytes that have arrived; the next part begins here")
    part_bytes: int = Field(description="Largest part of the upload; each part but the last has at least an eighth")
    state: FileState
    sha256: str = Field(description="Digest of the complete content; empty before that")
    owner_name: str = Field(description="Who uploaded it; empty for a file that a run has saved")
    run_id: str = Field(description="The run that has saved it; empty for an upload")
    created_at: Time
    updated_at: Time


class FileContent(Output):
    """The content of the file."""


class FileQuery(QueryArguments):
    """A page of files."""

    cursor: PlainText = Field(default="", max_length=200)
    limit: int = Field(default=50, ge=1, le=200)


class FileList(Output):
    """Your files, newest first."""

    items: list[FileOut]
    next_cursor: str | None


class PartQuery(QueryArguments):
    """Where a part belongs."""

    offset: int = Field(ge=0, lt=2**53, description="The byte of the file with which this part begins")
