"""Files of inventories, read as tables."""

from __future__ import annotations

from assent.late_exports import late_exports

TYPE_CHECKING = False  # as in `typing`, which takes too long to import
if TYPE_CHECKING:
    from workflows.asset_discovery.reading.files import inventory_of, read
    from workflows.asset_discovery.reading.limits import ReadingError, ReadingLimits
    from workflows.asset_discovery.reading.sandboxed import read_reference, read_sandboxed

__all__ = ["ReadingError", "ReadingLimits", "inventory_of", "read", "read_reference", "read_sandboxed"]

_MODULES = {
    "files": "inventory_of read",
    "limits": "ReadingError ReadingLimits",
    "sandboxed": "read_reference read_sandboxed",
}
__getattr__ = late_exports(__name__, _MODULES)
