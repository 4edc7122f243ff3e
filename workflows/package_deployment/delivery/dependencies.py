"""What the operator has to provide for packages."""

from __future__ import annotations

import os

from assent.toolbox import Dependency
from workflows.package_deployment.delivery.variables import OUTPUT_VARIABLE, TOOLKIT_VARIABLE


def for_packages() -> list[Dependency]:
    """Return what packages need. Without it they are built all the same: without a toolkit, and as ZIPs only."""
    return [
        Dependency(f"the toolkit ({TOOLKIT_VARIABLE})", True, _said(TOOLKIT_VARIABLE, "packages contain no toolkit")),
        Dependency(f"a folder for packages ({OUTPUT_VARIABLE})", True, _said(OUTPUT_VARIABLE, "ZIPs only")),
    ]


def _said(variable: str, otherwise: str) -> str:
    return os.environ.get(variable) or f"not set: {otherwise}"
