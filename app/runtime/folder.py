"""The package `workflows`: a folder, wherever it is, under a name that others use too."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

FOLDER = "workflows"


def import_folder(folder: Path) -> None:
    """Make `workflows` mean that very folder, and not a library of that name, which may be installed too.

    Raises:
        ImportError: something else has been imported under that name.
        Exception: what the folder's `__init__.py` raises; it need not have one.
    """
    known = sys.modules.get(FOLDER)
    if known is not None:
        if [Path(entry).resolve() for entry in getattr(known, "__path__", ())] == [folder.resolve()]:
            return
        raise ImportError(f"{FOLDER} is {getattr(known, '__file__', None) or known}, and not {folder}.")
    initial = folder / "__init__.py"
    if initial.is_file():
        spec = spec_from_file_location(FOLDER, initial, submodule_search_locations=[str(folder)])
        assert spec is not None and spec.loader is not None
    else:
        spec = ModuleSpec(FOLDER, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
    package = module_from_spec(spec)
    sys.modules[FOLDER] = package
    try:
        if spec.loader is not None:
            spec.loader.exec_module(package)
    except BaseException:
        del sys.modules[FOLDER]
        raise
