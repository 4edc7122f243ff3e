"""Gives a worker the tools around shelves. A file in the folder of the shelves says that the world has changed."""

from __future__ import annotations

import os
from pathlib import Path

from assent.toolbox.discovery import process_registry
from tests.runtime import shelf_tools
from workflows.coordinator import WORKFLOW as WORKFLOW


def _install() -> None:
    newer = (Path(os.environ[shelf_tools.FOLDER]) / shelf_tools.NEWER).exists()
    for tool in shelf_tools.registry():
        if not (newer and tool.name == "write_label"):
            process_registry().add(tool)
    if newer:
        process_registry().add(shelf_tools.write_label_2)


_install()
