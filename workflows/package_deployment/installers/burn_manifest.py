"""The manifest of a WiX bundle: the registration, the packages, and the payloads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from workflows.package_deployment.analysis import BundledPackage, Scope
from workflows.package_deployment.installers.problems import InstallerError
from workflows.package_deployment.installers.texts import clean
from workflows.package_deployment.installers.xml_elements import Element, read_elements

MOST_PACKAGES = 500
_OLD_NAMESPACE = "http://schemas.microsoft.com/wix/2008/Burn"
_KINDS = {"MsiPackage": "msi", "ExePackage": "exe", "MspPackage": "msp", "MsuPackage": "msu", "BundlePackage": "bundle"}
_LONGEST = 2_000


class Payload(NamedTuple):
    """A file of the bundle: its path, its size in bytes, the container in which it is, and its name there."""

    id: str
    path: str
    size: int | None
    container: str
    name: str
    is_attached: bool

    @property
    def place(self) -> tuple[str, str]:
        """Its container and its name there."""
        return self.container, self.name


class Manifest:
    """What the manifest says."""

    def __init__(self, document: bytes) -> None:
        """Raises InstallerError: the document is not the manifest of a bundle."""
        namespace, self._elements = read_elements(document)
        if not self._elements or self._elements[0].name != "BurnManifest":
            raise InstallerError("The manifest of the bundle is not one.")
        self._root = self._elements[0]
        self.registration = self._first("Registration")
        self.program = self._first("Arp")
        self.engine = clean(self._root.get("EngineVersion"), 50) or ("3" if namespace == _OLD_NAMESPACE else "4")
        self.is_64_bit = self._root.get("Win64") == "yes"

    @property
    def scope(self) -> Scope:
        """For whom it is installed."""
        per_machine, scope = self.registration.get("PerMachine"), self.registration.get("Scope").lower()
        if per_machine == "yes" or scope == "permachine":
            return Scope.MACHINE
        if per_machine == "no" or scope == "peruser":
            return Scope.USER
        return Scope.EITHER if scope else Scope.UNKNOWN

    def upgrade_codes(self) -> list[str]:
        """Return the codes of the bundles that this one upgrades."""
        codes = [self.registration.get("PrimaryUpgradeCode")]
        codes += [
            element.get("Id") or element.get("Code") for element in self._elements
            if element.name == "RelatedBundle" and element.parents == ("BurnManifest",)
            and element.get("Action").lower() == "upgrade"
        ]  # fmt: skip
        return [clean(code.upper(), 40) for code in dict.fromkeys(filter(None, codes))][:50]

    def payloads(self) -> list[Payload]:
        """Return the files of the bundle, with those of its own windows."""
        attached = {
            item.get("Id") for item in self._elements if item.name == "Container" and item.get("Attached") == "yes"
        }
        found = []
        for element in self._elements:
            if element.name != "Payload" or "Chain" in element.parents:
                continue
            container = "" if "UX" in element.parents else element.get("Container")
            is_attached = "UX" in element.parents or container in attached
            found.append(
                Payload(element.get("Id"), clean(element.get("FilePath")), _number(element.get("FileSize")), container,
                        element.get("SourcePath"), is_attached)
            )  # fmt: skip
        return found

    def container_index(self, name: str) -> int | None:
        """Return the number of an attached container; None if it is not in the file."""
        for element in self._elements:
            if element.name == "Container" and element.get("Id") == name and element.get("Attached") == "yes":
                return _number(element.get("AttachedIndex"))
        return None

    def downloads(self) -> int:
        """Return how many payloads and containers are downloaded while it is installed."""
        parts = [element for element in self._elements if element.name in ("Payload", "Container")]
        outside = [part for part in parts if part.get("Packaging") != "embedded" and part.get("Attached") != "yes"]
        return sum(bool(part.get("DownloadUrl")) for part in outside)

    def packages(self) -> Iterator[tuple[BundledPackage, Element]]:
        """Yield the packages in the order in which they are installed."""
        paths = {payload.id: payload.path for payload in self.payloads()}
        count = 0
        for number, element in enumerate(self._elements):
            if element.name not in _KINDS or element.parents[-1:] != ("Chain",):
                continue
            children = self._children(number)
            count += 1
            if count > MOST_PACKAGES:
                return
            yield self._package(element, children, paths), element

    def payload_ids(self, package: Element) -> list[str]:
        """Return the names of the payloads of a package; its own file is the first."""
        number = self._elements.index(package)
        return [child.get("Id") for child in self._children(number) if child.name == "PayloadRef"]

    def _package(self, element: Element, children: list[Element], paths: dict[str, str]) -> BundledPackage:
        kind = _KINDS[element.name]
        if kind == "exe" and (element.get("Bundle") == "yes" or element.get("Protocol") == "burn"):
            kind = "bundle"
        name = next((child.get("DisplayName") for child in children if child.name == "Provides"), "")
        payload = next((child.get("Id") for child in children if child.name == "PayloadRef"), "")
        properties = " ".join(
            f"{child.get('Id')}={_quoted(child.get('Value'))}" for child in children if child.name == "MsiProperty"
        )
        code = (
            element.get("ProductCode")
            or element.get("BundleId")
            or element.get("BundleCode")
            or element.get("PatchCode")
        )
        return BundledPackage(
            id=clean(element.get("Id"), 200), kind=kind, name=clean(name or paths.get(payload, "")),
            version=clean(element.get("Version"), 100), product_code=clean(code.upper(), 40),
            install_arguments=clean(element.get("InstallArguments") or properties, _LONGEST),
            uninstall_arguments=clean(element.get("UninstallArguments"), _LONGEST),
            repair_arguments=clean(element.get("RepairArguments"), _LONGEST),
            condition=clean(element.get("InstallCondition"), _LONGEST), is_permanent=element.get("Permanent") == "yes",
            size=_number(element.get("Size")),
        )  # fmt: skip

    def _children(self, number: int) -> list[Element]:
        depth = len(self._elements[number].parents)
        found = []
        for element in self._elements[number + 1 :]:
            if len(element.parents) <= depth:
                break
            if element.number == number:
                found.append(element)
        return found

    def _first(self, name: str) -> Element:
        return next((element for element in self._elements if element.name == name), Element(name, {}, (), -1))


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value else value


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
