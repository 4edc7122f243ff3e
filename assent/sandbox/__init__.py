"""A sandbox for code that reads what strangers made, such as installers and archives. ::

names = run_in_sandbox("my_parsers.archives:list_members", {"depth": 3}, files={"path": "/srv/upload.zip"})
"""

from __future__ import annotations

from assent.late_exports import late_exports

TYPE_CHECKING = False  # as in `typing`, which takes too long to import
if TYPE_CHECKING:
    from assent.sandbox.availability import sandbox_dependencies
    from assent.sandbox.calls import arun_in_sandbox, run_in_sandbox
    from assent.sandbox.errors import SandboxError, SandboxFailedError, SandboxLimitError, SandboxUnavailableError
    from assent.sandbox.limits import Limits

__all__ = [
    "Limits",
    "SandboxError",
    "SandboxFailedError",
    "SandboxLimitError",
    "SandboxUnavailableError",
    "arun_in_sandbox",
    "run_in_sandbox",
    "sandbox_dependencies",
]

_MODULES = {
    "availability": "sandbox_dependencies",
    "calls": "arun_in_sandbox run_in_sandbox",
    "errors": "SandboxError SandboxFailedError SandboxLimitError SandboxUnavailableError",
    "limits": "Limits",
}
__getattr__ = late_exports(__name__, _MODULES)
