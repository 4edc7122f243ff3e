"""Asset discovery: inventories in whatever form people have them become one trusted inventory.

The workflow is loaded when it is asked for: the readers of files in this package start in a sandbox, and LangGraph
would take longer to load than they take to read a file.
"""

from __future__ import annotations

from assent.late_exports import late_exports

TYPE_CHECKING = False  # as in `typing`, which takes too long to import
if TYPE_CHECKING:
    from workflows.asset_discovery.workflow import WORKFLOW

__all__ = ["WORKFLOW"]
__getattr__ = late_exports(__name__, {"workflow": "WORKFLOW"})
