"""Analyses of installers of every technology, written by hand."""

from __future__ import annotations

from typing import Any

from workflows.package_deployment.analysis import (
    Architecture,
    BundleFacts,
    Confidence,
    ContainedFile,
    MsiFacts,
    PackageAnalysis,
    Scope,
    Switch,
    Technology,
)

PRODUCT_CODE = "{3F2504E0-4F89-41D3-9A0C-0305E82C3301}"
UPGRADE_CODE = "{7C9E6679-7425-40DE-944B-E07FC1F90AE7}"
BUNDLE_ID = "{A1B2C3D4-E5F6-4789-8ABC-DEF012345678}"

_SWITCHES = {
    Technology.WIX_BURN: {
        "install": "/quiet /norestart", "uninstall": "/uninstall /quiet /norestart",
        "repair": "/repair /quiet /norestart", "log": '/log "<file>"',
    },
    Technology.INNO_SETUP: {
        "install": "/VERYSILENT /SUPPRESSMSGBOXES /NORESTART", "uninstall": "/VERYSILENT /SUPPRESSMSGBOXES /NORESTART"
    },
    Technology.NSIS: {"install": "/S", "uninstall": "/S"},
    Technology.INSTALLSHIELD: {"install": '/s /v"/qn REBOOT=ReallySuppress"'},
    Technology.SQUIRREL: {"install": "--silent"},
    Technology.MSI_WRAPPER: {"install": "/quiet"},
    Technology.SELF_EXTRACTING_ARCHIVE: {"install": "-y"},
}  # fmt: skip


def analysis_of(technology: Technology = Technology.MSI, **changes: Any) -> PackageAnalysis:
    """Return the analysis of a plausible installer of a technology."""
    is_msi = technology is Technology.MSI
    facts: dict[str, Any] = {
        "file_name": "example-viewer-4.2.1.msi" if is_msi else "example-viewer-4.2.1.exe",
        "size_bytes": 48_000_000,
        "sha256": "ab" * 32,
        "technology": technology,
        "product_name": "Example Viewer",
        "version": "4.2.1",
        "manufacturer": "Example Software",
        "language": "en-US",
        "architecture": Architecture.X64,
        "scope": Scope.USER if technology is Technology.SQUIRREL else Scope.MACHINE,
        "product_code": PRODUCT_CODE if technology in {Technology.MSI, Technology.MSI_WRAPPER} else "",
        "upgrade_code": UPGRADE_CODE if is_msi else "",
        "msi": MsiFacts() if is_msi else None,
        "bundle": BundleFacts(bundle_id=BUNDLE_ID) if technology is Technology.WIX_BURN else None,
        "installed_bytes": 150_000_000 if is_msi else None,
        "files": [
            ContainedFile(path="ExampleViewer\\viewer.exe", size=9_000_000, version="4.2.1.0"),
            ContainedFile(path="ExampleViewer\\updater.exe", size=1_000_000),
            ContainedFile(path="ExampleViewer\\viewer.dll", size=2_000_000),
        ],
        "switches": [
            Switch(purpose=purpose, arguments=arguments, confidence=Confidence.LIKELY, reason=f"usual for {technology}")
            for purpose, arguments in _SWITCHES.get(technology, {}).items()
        ],
    }
    if technology is Technology.SQUIRREL:
        facts["files"] = [ContainedFile(path="ExampleViewer-4.2.1-full.nupkg")]
    return PackageAnalysis(**(facts | changes))
