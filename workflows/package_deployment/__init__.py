"""Windows packages: from an installer to an approved deployment script.

The workflow is loaded when it is asked for: the readers of installers in this package start in a sandbox for each
installer, and LangGraph would take longer to load than they take to read it.
"""

from __future__ import annotations

from assent.late_exports import late_exports

TYPE_CHECKING = False  # as in `typing`, which takes too long to import
if TYPE_CHECKING:
    from workflows.package_deployment.workflow import WORKFLOW

__all__ = ["WORKFLOW"]
__getattr__ = late_exports(__name__, {"workflow": "WORKFLOW"})
