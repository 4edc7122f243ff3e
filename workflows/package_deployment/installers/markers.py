"""What the recognition of a technology finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from workflows.package_deployment.analysis import Confidence, Technology


class Variant(StrEnum):
    """Kinds within a technology that differ in their switches."""

    NONE = ""
    INSTALLSCRIPT = "InstallScript"
    BASIC_MSI = "Basic MSI"
    ADVANCED_INSTALLER = "Advanced Installer"
    CLOWD_SQUIRREL = "Clowd.Squirrel or Velopack"
    SEVEN_ZIP = "7-Zip"
    WINRAR = "WinRAR"
    ZIP = "ZIP"
    CABINET = "cabinet"
    IEXPRESS = "IExpress"
    MICROSOFT_BOX = "Microsoft's box"


@dataclass
class Marker:
    """The technology, and the places that show it."""

    technology: Technology
    evidence: list[str]
    version: str = ""
    confidence: Confidence = Confidence.CERTAIN
    variant: Variant = Variant.NONE
    offset: int = 0
    """Where the data of the installer starts in the file."""
    size: int = 0
    notes: list[str] = field(default_factory=list)
