"""Tools that measure a folder and write reports. They act inside of the folder that ASSENT_TARGET_<NAME> names."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field

from assent import target_address
from assent.toolbox import tool


class Folder(BaseModel):
    target: str = Field(description="Name of a configured folder", examples=["archive"])


class DiskUse(BaseModel):
    files: int
    bytes: int
    megabytes: float


class Report(BaseModel):
    target: str = Field(description="Name of a configured folder")
    title: str = Field(min_length=1, max_length=200)
    lines: list[str] = Field(max_length=1_000)


class Written(BaseModel):
    name: str
    bytes: int


@tool(effect="read", capabilities=["files"], examples=[{"target": "archive"}])
def measure_folder(inputs: Folder) -> DiskUse:
    """Count the files of a folder, and add up their sizes."""
    root = Path(target_address(inputs.target))
    sizes = [path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return DiskUse(files=len(sizes), bytes=sum(sizes), megabytes=round(sum(sizes) / 1e6, 2))


@tool(
    effect="write", idempotent=True, risk="low", capabilities=["files", "reports"],
    examples=[{"target": "archive", "title": "Disk use", "lines": ["12 files"]}],
)  # fmt: skip
def write_report(inputs: Report) -> Written:
    """Write a report into a folder, in place of an earlier one."""
    path = Path(target_address(inputs.target)) / "disk-use.md"
    path.write_text("\n".join([f"# {inputs.title}", "", *(f"- {line}" for line in inputs.lines), ""]))
    return Written(name=path.name, bytes=path.stat().st_size)
