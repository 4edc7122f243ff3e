"""WiX bundles: what their manifest says."""

from __future__ import annotations

import hashlib
import os
import random
import time
from pathlib import Path

import pytest

from tests.workflows.bundles import BUNDLE_ID, UPGRADE_CODE, V3, V4, Bundle, tag
from tests.workflows.cabinet_writer import LZX, MSZIP, QUANTUM, STORED, cabinet
from tests.workflows.test_package_exe import analyze_bytes
from tests.workflows.windows_programs import ARM64, X64
from tests.workflows.wixl_packages import build, source
from workflows.package_deployment.analysis import Architecture, Depth, Scope, Technology
from workflows.package_deployment.installers import lzx_library
from workflows.package_deployment.installers.cabinets import Cabinet
from workflows.package_deployment.installers.problems import InstallerError

CODE = "{AAAAAAAA-1234-1234-1234-1234567890AB}"
CHAIN = (
    tag("ExePackage", tag("PayloadRef", Id="vc.exe"), Id="Runtime", Permanent="yes", InstallArguments="/q", Size=9,
        UninstallArguments="/uninstall /q", RepairArguments="/repair /q", InstallCondition="NOT Runtime")
    + tag("MsiPackage", tag("MsiProperty", Id="A", Value="1") + tag("MsiProperty", Id="B", Value="two words")
          + tag("Provides", Key=CODE, DisplayName="Example Product") + tag("PayloadRef", Id="a.msi"),
          Id="Product", Permanent="no", ProductCode=CODE.lower(), UpgradeCode=UPGRADE_CODE, Version="4.5.6", Size=12)
)  # fmt: skip
FILES = {"vc.exe": b"Runtime. " * 3_000, "a.msi": b"No MSI at all. " * 4_000}


@pytest.mark.parametrize("method", [STORED, MSZIP, LZX], ids=["stored", "mszip", "lzx"])
@pytest.mark.parametrize("namespace", [V3, V4], ids=["v3", "v4"])
@pytest.mark.parametrize("signed", [False, True])
def test_the_manifest_of_a_bundle(tmp_path: Path, method: int, namespace: str, signed: bool) -> None:
    bundle = Bundle(CHAIN, FILES, method=method, namespace=namespace, is_signed=signed)

    found = analyze_bytes(tmp_path, bundle.build(), Depth.DEEP)

    assert found.technology is Technology.WIX_BURN
    assert found.technology_version == ("3" if namespace == V3 else "4")
    assert (found.product_name, found.version, found.manufacturer) == ("Example Suite", "4.5.6", "Example Software")
    assert (found.scope, found.requires_administrator) == (Scope.MACHINE, True)
    assert found.bundle
    assert (found.bundle.bundle_id, found.bundle.upgrade_codes) == (BUNDLE_ID, [UPGRADE_CODE])
    runtime, product = found.bundle.packages
    assert (runtime.kind, runtime.name, runtime.is_permanent, runtime.condition) == (
        "exe", "data\\vc.exe", True, "NOT Runtime"
    )  # fmt: skip
    assert (runtime.install_arguments, runtime.uninstall_arguments, runtime.repair_arguments) == (
        "/q", "/uninstall /q", "/repair /q"
    )  # fmt: skip
    assert (product.kind, product.name, product.version, product.product_code) == (
        "msi",
        "Example Product",
        "4.5.6",
        CODE,
    )
    assert product.install_arguments == 'A=1 B="two words"'
    assert (found.product_code, found.upgrade_code) == (CODE, UPGRADE_CODE)
    assert [(file.path, file.size, file.sha256) for file in found.files] == [
        ("ba.dll", 4, hashlib.sha256(b"Own.").hexdigest()),
        *((f"data\\{name}", len(content), hashlib.sha256(content).hexdigest()) for name, content in FILES.items()),
    ]
    assert BUNDLE_ID in found.switch("uninstall").reason  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("registration", "scope", "administrator"),
    [({"PerMachine": "no"}, Scope.USER, False), ({"Scope": "perMachine"}, Scope.MACHINE, True),
     ({"Scope": "perUserOrMachine"}, Scope.EITHER, None), ({}, Scope.UNKNOWN, None)],
)  # fmt: skip
def test_for_whom_it_installs(
    tmp_path: Path, registration: dict[str, str], scope: Scope, administrator: bool | None
) -> None:
    found = analyze_bytes(tmp_path, Bundle(CHAIN, FILES, registration=registration).build())

    assert (found.scope, found.requires_administrator) == (scope, administrator)


def test_newer_names_of_the_same_facts(tmp_path: Path) -> None:
    registration = {"Code": BUNDLE_ID, "Scope": "perMachine", "PrimaryUpgradeCode": CODE}
    chain = tag("BundlePackage", tag("PayloadRef", Id="vc.exe"), Id="Inner", BundleCode=CODE, Permanent="yes")
    more = tag("Payload", Id="other", FilePath="other.cab", FileSize=7, DownloadUrl="https://example.com/other.cab")
    bundle = Bundle(chain, FILES, V4, {"EngineVersion": "6.0.2.0", "Win64": "yes"}, registration, more, machine=X64)

    found = analyze_bytes(tmp_path, bundle.build())

    assert found.technology_version == "6.0.2.0"
    assert found.architecture is Architecture.X64
    assert found.bundle and found.bundle.upgrade_codes == [CODE, UPGRADE_CODE]
    assert found.upgrade_code == CODE
    assert (found.bundle.packages[0].kind, found.bundle.packages[0].product_code) == ("bundle", CODE)
    assert any("downloaded" in note for note in found.notes)
    assert found.product_code == ""


@pytest.mark.parametrize(("arch", "architecture"), [("x86", Architecture.X86), ("x64", Architecture.X64)])
@pytest.mark.parametrize("method", [MSZIP, LZX], ids=["mszip", "lzx"])
def test_processors_are_those_of_the_msi_inside(
    tmp_path: Path, arch: str, architecture: Architecture, method: int
) -> None:
    msi = build(tmp_path, source(), "-a", arch).read_bytes()

    found = analyze_bytes(tmp_path, Bundle(CHAIN, FILES | {"a.msi": msi}, method=method).build())

    assert found.architecture is architecture


@pytest.mark.parametrize("machine", [X64, ARM64])
def test_processors_are_those_of_an_engine_that_is_not_for_x86(tmp_path: Path, machine: int) -> None:
    found = analyze_bytes(tmp_path, Bundle(CHAIN, FILES, machine=machine).build())

    assert found.architecture is {X64: Architecture.X64, ARM64: Architecture.ARM64}[machine]


def test_hostile_manifests(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;">]><BurnManifest>&c;</BurnManifest>'
    deep = "<BurnManifest>" + "<a>" * 1_000 + "</a>" * 1_000 + "</BurnManifest>"
    many = "<BurnManifest>" + "<a/>" * 150_000 + "</BurnManifest>"

    for manifest in (bomb, deep, many, "<BurnManifest>", "", "<other/>", "\0"):
        bundle = Bundle(CHAIN, FILES)
        bundle.manifest = lambda manifest=manifest: manifest  # type: ignore[method-assign, misc]
        found = analyze_bytes(tmp_path, bundle.build())
        assert found.technology is Technology.WIX_BURN
        assert found.product_name == "Of the resource"
        assert any("XML" in note or "manifest" in note for note in found.notes)


def test_a_bundle_that_is_cut_off(tmp_path: Path) -> None:
    content = Bundle(CHAIN, FILES).build()

    found = analyze_bytes(tmp_path, content[:-100])

    assert found.product_name == "Example Suite"
    assert any("cut off" in note for note in found.notes)


def test_names_in_a_manifest_are_cleaned(tmp_path: Path) -> None:
    chain = tag("MsiPackage", Id="a\u202eb", Version="1" * 900, ProductCode="\u202e", InstallArguments="x" * 9_000)

    found = analyze_bytes(tmp_path, Bundle(chain, FILES).build())

    assert found.bundle
    (package,) = found.bundle.packages
    assert package.id == "a\N{REPLACEMENT CHARACTER}b"
    assert len(package.version) == 100 and len(package.install_arguments) == 2_000


def _contents(content: bytes) -> dict[str, bytes]:
    from io import BytesIO

    opened = Cabinet(BytesIO(content))
    return {file.name: opened.content(file, 1 << 24, time.monotonic() + 60) for file in opened.files}


@pytest.mark.parametrize(
    ("method", "has_library"), [(STORED, True), (MSZIP, True), (LZX, True), (LZX, False)],
    ids=["stored", "mszip", "lzx", "lzx without libarchive"],
)  # fmt: skip
def test_cabinets_of_each_kind(method: int, has_library: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_library:
        monkeypatch.setattr(lzx_library, "is_there", lambda: False)
    chance = random.Random(1)
    turns = bytearray(chance.randbytes(2_000))
    for turn in range(9_000):  # copies from three distances in turn
        start = len(turns) - (1_000, 1_500, 1_900)[turn % 3]
        turns += turns[start : start + 6]
    files = {
        "period.bin": chance.randbytes(37) * 3_000, "turns.bin": bytes(turns),
        "words.txt": b" ".join(chance.choices([b"alpha", b"beta", b"gamma", b"delta"], k=40_000)),
        "noise.bin": chance.randbytes(70_001), "empty": b"", "zeros": bytes(100_000), "last": b"The end.",
    }  # fmt: skip

    assert _contents(cabinet(files, method)) == files


@pytest.mark.parametrize("has_library", [True, False])
def test_what_a_cabinet_cannot_give(has_library: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_library:
        monkeypatch.setattr(lzx_library, "is_there", lambda: False)
    with pytest.raises(InstallerError, match="not supported"):
        _contents(cabinet({"a": b"a"}, QUANTUM))
    packed = cabinet({"a": os.urandom(200_000)}, LZX)
    for damaged in (packed[:-50_000], packed[:60_000] + b"\xff" * 100 + packed[60_100:]):
        with pytest.raises(InstallerError):
            _contents(damaged)
