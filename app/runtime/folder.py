"""The package `workflows`: a folder anywhere, under a name that other packages may have too."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

FOLDER = "workflows"


def import_folder(folder: Path) -> None:
    """Make `workflows` refer to this folder, and not to a library of the same name that may be installed.

    Raises:
        ImportError: Something else has been imported under that name.
        Exception: Whatever the folder's `__init__.py` raises, if it has one.
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
