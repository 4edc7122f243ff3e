"""A small MSI for the demo, where no tool for building one is installed; tests vary it.

Its files are not programs, so that it is for reading, not for installing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from workflows.package_deployment.msi_writer import Package, Table, Value, cabinet, write_msi

PRODUCT_CODE = "{0F3A1C52-7B1E-4C0B-9A55-0D6C7E9B1A01}"
UPGRADE_CODE = "{0F3A1C52-7B1E-4C0B-9A55-0D6C7E9B1A02}"
PACKAGE_CODE = "{0F3A1C52-7B1E-4C0B-9A55-0D6C7E9B1A03}"
FILE_NAME = "ExampleAgent-2.4.1.msi"
_FILES = {
    "agent.exe": ("EXAMPL~1.EXE|ExampleAgent.exe", b"This stands for a program. " * 2_000, "2.4.1.0"),
    "readme.txt": ("readme.txt", b"The Example Agent is an example. It does nothing.\r\n", None),
}
_SEQUENCE = {
    "LaunchConditions": 100, "ValidateProductID": 700, "CostInitialize": 800, "FileCost": 900, "CostFinalize": 1000,
    "InstallValidate": 1400, "RemoveExistingProducts": 1450, "InstallInitialize": 1500, "ProcessComponents": 1600,
    "UnpublishFeatures": 1800, "StopServices": 1900, "DeleteServices": 2000, "RemoveFiles": 3500, "InstallFiles": 4000,
    "InstallServices": 5800, "StartServices": 5900, "RegisterUser": 6000, "RegisterProduct": 6100,
    "PublishFeatures": 6300, "PublishProduct": 6400, "InstallFinalize": 6600,
}  # fmt: skip
_COLUMNS = {
    "Property": "Property:s72* Value:l0",
    "Directory": "Directory:s72* Directory_Parent:S72 DefaultDir:l255",
    "Component": "Component:s72* ComponentId:S38 Directory_:s72 Attributes:i2 Condition:S255 KeyPath:S72",
    "Feature": "Feature:s38* Feature_Parent:S38 Title:L64 Description:L255 Display:I2 Level:i2 Directory_:S72 "
    "Attributes:i2",
    "FeatureComponents": "Feature_:s38* Component_:s72*",
    "File": "File:s72* Component_:s72 FileName:l255 FileSize:i4 Version:S72 Language:S20 Attributes:I2 Sequence:i2",
    "Media": "DiskId:i2* LastSequence:i2 DiskPrompt:L64 Cabinet:S255 VolumeLabel:S32 Source:S72",
    "InstallExecuteSequence": "Action:s72* Condition:S255 Sequence:I2",
    "InstallUISequence": "Action:s72* Condition:S255 Sequence:I2",
    "LaunchCondition": "Condition:s255* Description:l255",
    "Upgrade": "UpgradeCode:s38* VersionMin:S20* VersionMax:S20* Language:S255* Attributes:i4* Remove:S255 "
    "ActionProperty:s72",
    "ServiceInstall": "ServiceInstall:s72* Name:s255 DisplayName:L255 ServiceType:i4 StartType:i4 ErrorControl:i4 "
    "LoadOrderGroup:S255 Dependencies:S255 StartName:S255 Password:S255 Arguments:S255 Component_:s72 Description:L255",
    "ServiceControl": "ServiceControl:s72* Name:l255 Event:i2 Arguments:S255 Wait:I2 Component_:s72",
    "CustomAction": "Action:s72* Type:i2 Source:S72 Target:S255 ExtendedType:I4",
    "Control": "Dialog_:s72* Control:s50* Type:s20 X:i2 Y:i2 Width:i2 Height:i2 Attributes:I4 Property:S50 Text:L0 "
    "Control_Next:S50 Help:L50",
    "ControlEvent": "Dialog_:s72* Control_:s50* Event:s50* Argument:s255* Condition:S255* Ordering:I2",
    "Binary": "Name:s72* Data:v0",
    "MsiPatchMetadata": "Company:S72* Property:s72* Value:l0",
    "ModuleSignature": "ModuleID:s72* Language:i2* Version:s32",
}
Rows = Mapping[str, Sequence[Sequence[Value]]]


def tables(rows: Rows) -> dict[str, Table]:
    """Return tables with the columns that Windows Installer defines."""
    return {name: Table(_COLUMNS[name], content) for name, content in rows.items()}


def sample_rows() -> dict[str, list[tuple[Value, ...]]]:
    """Return the rows of the sample's tables."""
    return {
        "Property": [
            ("ProductCode", PRODUCT_CODE), ("UpgradeCode", UPGRADE_CODE), ("ProductName", "Example Agent"),
            ("ProductVersion", "2.4.1"), ("Manufacturer", "Example Software"), ("ProductLanguage", "1033"),
            ("ALLUSERS", "1"), ("SERVERNAME", "agent.example.com"),
            ("SecureCustomProperties", "OLDERVERSION;SERVERNAME"),
        ],
        "Directory": [
            ("TARGETDIR", None, "SourceDir"), ("ProgramFiles64Folder", "TARGETDIR", "."),
            ("INSTALLDIR", "ProgramFiles64Folder", "EXAMPL~1|Example Agent"),
        ],
        "Component": [
            ("Agent", "{0F3A1C52-7B1E-4C0B-9A55-0D6C7E9B1A04}", "INSTALLDIR", 256, None, "agent.exe"),
            ("Documents", "{0F3A1C52-7B1E-4C0B-9A55-0D6C7E9B1A05}", "INSTALLDIR", 256, None, "readme.txt"),
        ],
        "Feature": [("Complete", None, "Example Agent", None, 1, 1, "INSTALLDIR", 0)],
        "FeatureComponents": [("Complete", "Agent"), ("Complete", "Documents")],
        "File": [
            (key, component, name, len(content), version, None, 512, sequence)
            for sequence, (component, (key, (name, content, version)))
            in enumerate(zip(("Agent", "Documents"), _FILES.items(), strict=True), 1)
        ],
        "Media": [(1, len(_FILES), None, "#files.cab", None, None)],
        "InstallExecuteSequence": [(action, None, number) for action, number in _SEQUENCE.items()],
        "InstallUISequence": [
            ("CostInitialize", None, 800), ("CostFinalize", None, 1000), ("ExecuteAction", None, 1300),
        ],
        "LaunchCondition": [("Installed OR (VersionNT64 >= 603)", "[ProductName] needs Windows 8.1 or later, 64 bit.")],
        "Upgrade": [(UPGRADE_CODE, None, "2.4.1", None, 0, None, "OLDERVERSION")],
        "ServiceInstall": [
            ("Agent", "ExampleAgent", "Example Agent", 16, 2, 1, None, None, "LocalSystem", None,
             "--server [SERVERNAME]", "Agent", "Stands for a service."),
        ],
        "ServiceControl": [("Agent", "ExampleAgent", 0x1 | 0x2 | 0x20 | 0x80, None, 1, "Agent")],
        "CustomAction": [],
    }  # fmt: skip


def sample_summary() -> dict[int, str | int]:
    """Return the sample's summary information, by the numbers of its properties."""
    return {
        2: "Installation Database", 3: "Example Agent", 4: "Example Software", 5: "Installer", 7: "x64;1033",
        9: PACKAGE_CODE, 14: 200, 15: 2, 18: "Assent", 19: 2,
    }  # fmt: skip


def sample_streams() -> dict[str, bytes]:
    """Return the cabinet with the sample's files."""
    return {"files.cab": cabinet({key: content for key, (_, content, _) in _FILES.items()})}


def write_sample_package(folder: Path) -> Path:
    """Write the sample into a folder, and return its path. It has the same bytes each time."""
    path = folder / FILE_NAME
    write_msi(path, Package(tables(sample_rows()), sample_streams(), summary=sample_summary()))
    return path
