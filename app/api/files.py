"""Files over REST: begin an upload, send parts, complete; continue after an interruption; download; delete."""

from __future__ import annotations

from typing import Any

from app.api import file_models as models
from app.api.models import EraseIn, HoldingsOut
from app.api.moments import page_before
from app.api.registry import ApiCall, EndpointTable
from app.api.runs import holdings_document, require_confirmation
from app.domain.tokens import Scope
from app.http.downloads import client, download
from app.store.files import StoredFile
from assent.files import reference_to

table = EndpointTable()
READ, WRITE = (Scope.RUNS_READ,), (Scope.RUNS_WRITE,)


@table.add("GET", "/files", models.FileList, query=models.FileQuery, scopes=READ)
def list_files(call: ApiCall) -> Any:
    """List the files that you have uploaded, newest first."""
    own = call.portal.services.files.own
    rows, cursor = page_before(
        call.query.cursor, call.query.limit, lambda before, limit: own(call.actor, before, limit)
    )
    return {"items": [_document(call, file) for file in rows], "next_cursor": cursor}


@table.add(
    "POST", "/files", models.FileOut, body=models.FileIn, status=201, scopes=WRITE, location="/api/v1/files/{id}"
)
def begin_file(call: ApiCall) -> Any:
    """Begin the upload of a file for the input of a run."""
    sent: models.FileIn = call.body
    begin = call.portal.services.files.begin
    return _document(call, begin(call.actor, sent.name, sent.size, sent.sha256, call.made_as))


@table.add("GET", "/files/<uuid:id>", models.FileOut, scopes=READ)
def get_file(call: ApiCall) -> Any:
    """Read what is known about a file, and how much of it has arrived."""
    return _document(call, call.portal.services.files.get(call.actor, call.id))


@table.add("GET", "/files/<uuid:id>/content", models.FileContent, scopes=READ, download=True)
def get_file_content(call: ApiCall) -> Any:
    """Download a complete file."""
    return download(*call.portal.services.file_access.content(call.actor, call.id, client()))


@table.add("PUT", "/files/<uuid:id>/content", models.FileOut, query=models.PartQuery, scopes=WRITE, raw=True)
def put_file_part(call: ApiCall) -> Any:
    """Send the next part of a file. A part that has arrived before changes nothing."""
    return _document(call, call.portal.services.files.put(call.actor, call.id, call.query.offset, call.content))


@table.add("POST", "/files/<uuid:id>/complete", models.FileOut, body=models.CompleteFileIn, scopes=WRITE)
def complete_file(call: ApiCall) -> Any:
    """Complete an upload, so that runs can use the file."""
    return _document(call, call.portal.services.files.complete(call.actor, call.id, call.body.sha256))


@table.add("DELETE", "/files/<uuid:id>", models.FileOut, scopes=WRITE)
def delete_file(call: ApiCall) -> Any:
    """Delete a file of your own, finished or not, unless a run that has not ended uses it."""
    return _document(call, call.portal.services.files.delete(call.actor, call.id))


@table.add("GET", "/files/<uuid:id>/holdings", HoldingsOut, scopes=READ)
def get_file_holdings(call: ApiCall) -> Any:
    """List what is derived from a file, and what deleting both would delete. Administrators only."""
    return holdings_document(call.portal.services.erasure.preview_file(call.actor, call.id))


@table.add("POST", "/files/<uuid:id>/erase", HoldingsOut, body=EraseIn, scopes=WRITE)
def erase_file(call: ApiCall) -> Any:
    """Delete a file, and what the runs hold that used it or what was derived from it. Administrators only."""
    require_confirmation(call)
    return holdings_document(call.portal.services.erasure.erase_file(call.actor, call.id))


def _document(call: ApiCall, file: StoredFile) -> dict[str, Any]:
    columns = ("id", "name", "size", "received", "state", "sha256", "owner_name", "run_id", "created_at", "updated_at")
    return {name: getattr(file, name) for name in columns} | {
        "reference": reference_to(file.id), "part_bytes": call.portal.services.files.rules.part_bytes,
    }  # fmt: skip
