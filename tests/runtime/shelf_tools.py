"""Tools around a shelf of boxes, for plans. The shelf is a file that each test names as the target."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from pydantic import BaseModel, Field

from assent.toolbox import Registry, tool


class Shelf(BaseModel):
    shelf: str = Field(description="Name of a shelf")


class Boxes(BaseModel):
    boxes: list[str]
    heaviest: str = Field(description="The heaviest box")
    count: int


class Box(BaseModel):
    shelf: str
    box: str = Field(description="Name of a box")


class Weighing(BaseModel):
    shelf: str
    boxes: list[str]


class Weights(BaseModel):
    total_grams: int


class Emptied(BaseModel):
    emptied: str


class Labeling(BaseModel):
    shelf: str
    box: str
    label: str = Field(description="What to write on it")


class Labeled(BaseModel):
    label: str


FOLDER = "TEST_SHELVES"
"""The variable with the folder of all shelves."""
NEWER = "newer"
"""A file in that folder; with it, workers of `tests.processes` install the newer version of `write_label`."""


def shelf_file(name: str) -> Path:
    """The file of a shelf."""
    return Path(os.environ[FOLDER]) / f"{name}.json"


def fill_shelf(name: str) -> None:
    """Make a shelf with three boxes."""
    shelf_file(name).write_text(json.dumps({"lamp": 700, "chair": 4000, "vase": 900}))


def acts(name: str) -> list[str]:
    """What was done to a shelf, in order."""
    file = shelf_file(name).with_suffix(".acts")
    return file.read_text().splitlines() if file.exists() else []


def _act(shelf: str, line: str) -> None:
    with shelf_file(shelf).with_suffix(".acts").open("a") as file:
        file.write(f"{line}\n")
    marker = shelf_file(shelf).with_suffix(".die")
    if marker.exists():
        marker.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def _boxes(shelf: str) -> dict[str, int]:
    found: dict[str, int] = json.loads(shelf_file(shelf).read_text())
    return found


@tool(effect="read", capabilities=["shelves"], examples=[{"shelf": "north"}])
def list_boxes(inputs: Shelf) -> Boxes:
    """List the boxes of a shelf, and which of them is the heaviest."""
    found = _boxes(inputs.shelf)
    return Boxes(boxes=sorted(found), heaviest=max(found, key=found.__getitem__, default=""), count=len(found))


@tool(effect="read", capabilities=["shelves"])
def weigh_boxes(inputs: Weighing) -> Weights:
    """Weigh several boxes together."""
    found = _boxes(inputs.shelf)
    return Weights(total_grams=sum(found[box] for box in inputs.boxes))


@tool(effect="destroy", capabilities=["shelves"])
def empty_box(inputs: Box) -> Emptied:
    """Empty a box for good. Not idempotent."""
    found = _boxes(inputs.shelf)
    del found[inputs.box]
    shelf_file(inputs.shelf).write_text(json.dumps(found))
    _act(inputs.shelf, f"emptied {inputs.box}")
    return Emptied(emptied=inputs.box)


@tool(effect="write", capabilities=["labels"])
def write_label(inputs: Labeling) -> Labeled:
    """Write a label on a box."""
    _act(inputs.shelf, f"labeled {inputs.box} {inputs.label}")
    return Labeled(label=inputs.label)


@tool(effect="write", version="2.0", name="write_label")
def write_label_2(inputs: Labeling) -> Labeled:
    """Write a label on a box, newer."""
    _act(inputs.shelf, f"labeled {inputs.box} {inputs.label} by 2.0")
    return Labeled(label=inputs.label)


def registry() -> Registry:
    """All tools of this module, in their first versions."""
    return Registry([list_boxes, weigh_boxes, empty_box, write_label])
