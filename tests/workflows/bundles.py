"""WiX bundles for tests, after the public source of the engine and its manifest."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

from tests.workflows.cabinet_writer import MSZIP, cabinet
from tests.workflows.windows_programs import X86, Program, version_resource

V3 = "http://schemas.microsoft.com/wix/2008/Burn"
V4 = "http://wixtoolset.org/schemas/v4/2008/Burn"
BUNDLE_ID = "{12345678-1234-1234-1234-1234567890AB}"
UPGRADE_CODE = "{99999999-1234-1234-1234-1234567890AB}"


def tag(name: str, inner: str = "", **attributes: object) -> str:
    """Return an element of XML."""
    words = "".join(f" {key}={quoteattr(str(value))}" for key, value in attributes.items())
    return f"<{name}{words}>{inner}</{name}>"


@dataclass
class Bundle:
    """A bundle."""

    chain: str
    payloads: Mapping[str, bytes] = field(default_factory=dict)
    """The files of its container, which the chain refers to by their names."""
    namespace: str = V3
    root: Mapping[str, str] = field(default_factory=dict)
    registration: Mapping[str, str] = field(default_factory=lambda: {"PerMachine": "yes"})
    more: str = ""
    method: int = MSZIP
    machine: int = X86
    is_signed: bool = False

    def manifest(self) -> str:
        """Return the manifest."""
        program = tag(
            "Arp", Register="yes", DisplayName="Example Suite", DisplayVersion="4.5.6", Publisher="Example Software"
        )
        registration = {"Id": BUNDLE_ID, "ExecutableName": "setup.exe", "Version": "4.5.6.0"} | dict(self.registration)
        files = "".join(
            tag("Payload", Id=name, FilePath=f"data\\{name}", FileSize=len(content), Packaging="embedded",
                SourcePath=f"a{index}", Container="WixAttachedContainer")
            for index, (name, content) in enumerate(self.payloads.items())
        )  # fmt: skip
        inner = (
            tag("RelatedBundle", Id=UPGRADE_CODE, Action="Upgrade")
            + tag("UX", tag("Payload", Id="ba", FilePath="ba.dll", FileSize=4, SourcePath="u0", Packaging="embedded"))
            + tag("Container", Id="WixAttachedContainer", AttachedIndex=1, Attached="yes", Primary="yes")
            + files + self.more + tag("Registration", program, **registration) + tag("Chain", self.chain)
        )  # fmt: skip
        return '<?xml version="1.0" encoding="utf-8"?>' + tag("BurnManifest", inner, xmlns=self.namespace, **self.root)

    def build(self) -> bytes:
        """Return the bytes of the bundle."""
        own = cabinet({"0": b"\xef\xbb\xbf" + self.manifest().encode(), "u0": b"Own."}, self.method)
        attached = cabinet({f"a{index}": content for index, content in enumerate(self.payloads.values())}, self.method)
        stub = len(self._program(0, own, attached, b"").build())
        signature = b"s" * 40 if self.is_signed else b""
        return self._program(stub, own, attached, signature).build()

    def _program(self, stub: int, own: bytes, attached: bytes, signature: bytes) -> Program:
        guid = uuid.UUID(BUNDLE_ID).bytes_le
        place = (stub + len(own), len(signature)) if signature else (0, 0)
        section = struct.pack("<II16sIIIIII", 0x00F14300, 2, guid, stub, 0, *place, 1, 2)
        section += struct.pack("<II", len(own), len(attached))
        overlay = own + signature + attached if stub else b""
        return Program(
            machine=self.machine, sections=[(b".wixburn", section)], overlay=overlay,
            resources={(16, 1): version_resource({"ProductName": "Of the resource"})},
        )  # fmt: skip
