"""Loading: from a workflow file to an `assent.Workflow`, with the tools beside it and the workflows that it names."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from assent.composition.document import parse_document
from assent.composition.files import FILE_NAME, TOOLS_NAME, shown_path
from assent.composition.graph import build_graph, outputs_in
from assent.composition.linking import Flow, NoSuchFlowError, link
from assent.composition.mistakes import CompositionError, Mistake, did_you_mean
from assent.composition.yaml_reader import MAX_BYTES
from assent.toolbox.discovery import process_registry, tools_at
from assent.toolbox.errors import ToolError
from assent.toolbox.registry import Registry
from assent.workflow import Workflow

_OWN = "assent_workflow_tools_"


def load_workflow(path: str | Path, registry: Registry | None = None) -> Workflow:
    """Return the workflow of a YAML file, checked as far as it can be without running it.

    In a package, write ``WORKFLOW = load_workflow(Path(__file__).with_name("workflow.yaml"))``.

    Args:
        path: of the file, or of a folder with a `workflow.yaml`.
        registry: the tools that it may name, besides those of `tools.py` in its folder; None: those of the process
            (`assent.toolbox.discovery.use_registry`) or of installed packages, and those of the folders beside its own.

    Raises:
        CompositionError: with all mistakes, each with its file, line, and column.
        OSError: the file cannot be read.
    """
    file = Path(path)
    file = (file / FILE_NAME if file.is_dir() else file).resolve()
    flow = Shelf(registry).flow(file, ())
    document = flow.document
    return Workflow(
        name=document.name, version=document.version, title=document.title, description=document.description,
        input_model=flow.shape.model, build=partial(build_graph, flow), examples=document.examples,
        source=document.text, source_file=str(file), output_schema=flow.output.schema,
        output_of=partial(outputs_in, flow),
    )  # fmt: skip


class Shelf:
    """Workflow files with their tools, each read once."""

    def __init__(self, registry: Registry | None = None) -> None:
        self._given = registry
        self._flows: dict[Path, Flow | CompositionError] = {}

    def flow(self, file: Path, trail: tuple[str, ...]) -> Flow:
        """Return the workflow of a file. Raises CompositionError, OSError."""
        if file not in self._flows:
            try:
                self._flows[file] = self._linked(file, trail)
            except CompositionError as error:
                # Kept as well: hundreds of steps may name the same broken file, on several levels.
                self._flows[file] = error
        found = self._flows[file]
        if isinstance(found, CompositionError):
            raise found
        return found

    def _linked(self, file: Path, trail: tuple[str, ...]) -> Flow:
        document = parse_document(_content(file), shown_path(file))
        wanted = {step.tool.partition("@")[0] for step in document.steps if step.tool}
        registry = self._registry(file, wanted)
        return link(document, registry, partial(self._named, file), trail, partial(_import_from, file.parent))

    def _named(self, beside: Path, name: str, trail: tuple[str, ...]) -> Flow:
        """Return the workflow of a name. Raises NoSuchFlowError, CompositionError."""
        places = _neighbors(beside)
        file = places.get(name)
        if file is None:
            folder = shown_path(beside.parent.parent if beside.name == FILE_NAME else beside.parent)
            hint = did_you_mean(name, places) or (f" There is {', '.join(sorted(places))}." if places else "")
            raise NoSuchFlowError(f"There is no workflow file of {name!r} in {folder}.{hint}")
        flow = self.flow(file, trail)
        if flow.document.name != name:
            there = f"{shown_path(file)} is the workflow {flow.document.name!r}, not {name!r}."
            raise NoSuchFlowError(f"{there} Give the file the name of its workflow.")
        return flow

    def _registry(self, file: Path, wanted: set[str]) -> Registry:
        """Return the tools that a file may name: its own, and those of others as far as it names some of them."""
        made = Registry()
        known = self._given if self._given is not None else process_registry()
        for tool in (tool for newest in known for tool in known.versions(newest.name)):
            made.add(tool)
        made.broken.update(known.broken)
        own = file.parent / TOOLS_NAME
        if own.is_file():
            _add(made, own, required=True, file=file)
        if any(name not in made for name in wanted):
            for other in sorted(_neighbors(file).values()):
                place = other.parent / TOOLS_NAME
                if place != own and place.is_file():
                    _add(made, place, required=False, file=file)
        return made


def _add(registry: Registry, place: Path, required: bool, file: Path) -> None:
    """Add the tools of a module. A broken one is a mistake only if it belongs to the workflow itself."""
    try:
        for tool in tools_at(_module(place.parent).__name__):
            registry.add(tool)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        words = " ".join(str(error).split())
        told = words if isinstance(error, ToolError) else f"{type(error).__name__}: {words}"
        if required:
            message = f"{TOOLS_NAME} beside this file cannot be used: {told}"
            raise CompositionError([Mistake(1, 1, "", message, shown_path(file))]) from error
        registry.broken[str(place)] = told


def _neighbors(beside: Path) -> dict[str, Path]:
    """Return the workflow files that a file may name: those of the folders beside its own, or beside itself."""
    if beside.name == FILE_NAME:
        candidates: Iterable[Path] = beside.parent.parent.glob(f"*/{FILE_NAME}")
        return {path.parent.name: path.resolve() for path in candidates if path.resolve() != beside}
    found = [*beside.parent.glob("*.yaml"), *beside.parent.glob("*.yml")]
    return {path.stem: path.resolve() for path in found if path.resolve() != beside}


def _module(folder: Path) -> ModuleType:
    """Import the tools of a folder: as a part of the package around it if that is imported, or else by their path."""
    for name, package in list(sys.modules.items()):
        if name.rpartition(".")[2] == folder.parent.name and hasattr(package, "__path__"):
            places = [Path(place).resolve() for place in package.__path__]
            if folder.parent.resolve() in places:
                return importlib.import_module(f"{name}.{folder.name}.{TOOLS_NAME.removesuffix('.py')}")
    file = (folder / TOOLS_NAME).resolve()
    name = _OWN + hashlib.sha256(str(file).encode()).hexdigest()[:12]
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pydantic looks annotations up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _import_from(folder: Path, name: str) -> Any:
    """Import the module of an input's model; `tools` is the one in this folder."""
    return _module(folder) if name == "tools" else importlib.import_module(name)


def _content(file: Path) -> bytes:
    with file.open("rb") as opened:
        # One byte more than is allowed, so that the reader refuses the file.
        return opened.read(MAX_BYTES + 1)
