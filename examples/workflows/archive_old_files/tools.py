"""Tools for old files. They act inside of the folder that ASSENT_TARGET_<NAME> names, and nowhere else."""

from __future__ import annotations

import gzip
import shutil
import time
from pathlib import Path

from pydantic import BaseModel, Field

from assent import target_address
from assent.toolbox import tool

DAY = 86_400


class Search(BaseModel):
    target: str = Field(description="Name of a configured folder", examples=["archive"])
    days: int = Field(default=30, ge=0, description="Files that have not changed for so many days")


class OldFile(BaseModel):
    name: str = Field(description="Path within the folder")
    bytes: int
    days: int = Field(description="Days since its last change")


class OldFiles(BaseModel):
    files: list[OldFile]
    count: int
    bytes: int


class NamedFile(BaseModel):
    target: str = Field(description="Name of a configured folder")
    name: str = Field(description="Path within the folder")


class Compressed(BaseModel):
    name: str
    bytes: int


def inside(target: str, name: str = "") -> Path:
    """Return a path inside of a configured folder. Raises ValueError: it is elsewhere, also by a link."""
    root = Path(target_address(target)).resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        raise ValueError(f"{name} is not inside of {target}.")
    return path


@tool(effect="read", capabilities=["files"], examples=[{"target": "archive", "days": 30}])
def list_old_files(inputs: Search) -> OldFiles:
    """List the files of a folder that have not changed for some time, the largest first."""
    root, now = inside(inputs.target), time.time()
    found = []
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.suffix == ".gz":
            continue
        facts = path.stat()
        if (days := int((now - facts.st_mtime) // DAY)) >= inputs.days:
            found.append(OldFile(name=path.relative_to(root).as_posix(), bytes=facts.st_size, days=days))
    found.sort(key=lambda file: -file.bytes)
    return OldFiles(files=found[:100], count=len(found), bytes=sum(file.bytes for file in found))


@tool(
    effect="write", idempotent=True, capabilities=["files"],
    examples=[{"target": "archive", "name": "2024/january.log"}],
)  # fmt: skip
def compress_file(inputs: NamedFile) -> Compressed:
    """Replace a file by a compressed one, with .gz added to its name. Its contents stay the same."""
    path = inside(inputs.target, inputs.name)
    packed = path.with_name(f"{path.name}.gz")
    if path.exists() or not packed.exists():  # otherwise an earlier attempt has done it
        part = path.with_name(f"{path.name}.gz.part")
        with path.open("rb") as source, part.open("wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as out:
            shutil.copyfileobj(source, out)
        part.replace(packed)
        path.unlink()
    return Compressed(name=f"{inputs.name}.gz", bytes=packed.stat().st_size)
