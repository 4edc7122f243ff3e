"""Programs that carry something: bundles, wrappers of MSIs, InstallShield, and self-extracting archives.

Programs and headers are written by hand after public descriptions; gcab, zip, and 7zz make cabinets and archives.
"""

from __future__ import annotations

import random
import struct
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import quoteattr

from bench.packages import msi
from bench.packages.executables import MANIFEST, RCDATA, VERSION, Program, manifest, version_resource
from bench.packages.recipes import Recipe, Truth, run, tool
from bench.packages.registries import npm
from workflows.package_deployment.analysis import Architecture, Scope, Technology

_MACHINES = {0x14C: Architecture.X86, 0x8664: Architecture.X64, 0xAA64: Architecture.ARM64}
_BURN = ("http://schemas.microsoft.com/wix/2008/Burn", "http://wixtoolset.org/schemas/v4/2008/Burn")


def _program(dice: random.Random, **texts: str) -> Program:
    """Return a program with or without a version resource and a manifest."""
    program = Program(dice.choice([0x14C, 0x14C, *_MACHINES]))
    if texts or dice.random() < 0.5:
        program.resources[VERSION, 1] = version_resource(
            **{"FileVersion": "1.2.0.0", "FileDescription": "Setup", **texts}
        )
    if dice.random() < 0.7:
        level = dice.choice(("asInvoker", "requireAdministrator", "highestAvailable"))
        program.resources[MANIFEST, 1] = manifest(level)
    return program


def _written(program: Program, folder: Path) -> Path:
    path = folder / "setup.exe"
    path.write_bytes(program.written())
    return path


def _draft(dice: random.Random) -> msi.Draft:
    draft = msi.Draft.drawn(dice)
    draft.extras.discard("cabinet outside")
    return draft


def _cabinet(folder: Path, files: dict[str, bytes], *options: str) -> bytes:
    inside = folder / f"cabinet-{len(list(folder.iterdir()))}"
    inside.mkdir()
    for name, content in files.items():
        (inside / name).write_bytes(content)
    run(tool("gcab"), "-c", *options, "../out.cab", *files, within=inside)
    return (folder / "out.cab").read_bytes()


def burn(dice: random.Random) -> tuple[Truth, Callable[[Path], Path]]:
    """A bundle of WiX with one MSI."""
    bundle = uuid.UUID(int=dice.getrandbits(128), version=4)
    upgrade = f"{{{uuid.UUID(int=dice.getrandbits(128), version=4)}}}".upper()
    version, name = dice.choice(("1.0.0.0", "4.5.6.7", "2026.11.0.0")), dice.choice(("Example Suite", "Größen & Maße"))
    machine = dice.choice((True, False))
    space, draft, program = dice.choice(_BURN), _draft(dice), _program(dice, ProductName=name)
    attached = dice.random() < 0.7

    def build(folder: Path) -> Path:
        inner = msi.build(draft, folder).read_bytes()
        payload = _cabinet(folder, {"a0": inner}, "-z") if attached else b""
        container = (
            f'<Container Id="WixAttachedContainer" FileSize="{len(payload)}" FilePath="setup.exe" AttachedIndex="1" '
            'Attached="yes" Primary="yes"/>'
        )
        inside = 'Packaging="embedded" SourcePath="a0" Container="WixAttachedContainer"'
        document = f"""<?xml version="1.0" encoding="utf-8"?><BurnManifest xmlns="{space}">
<Log PathVariable="WixBundleLog" Prefix="Example" Extension=".log"/>
<RelatedBundle Id="{upgrade}" Action="Upgrade"/>
<UX><Payload Id="U0" FilePath="wixstdba.dll" SourcePath="u0" Packaging="embedded"/></UX>
{container if attached else ""}
<Payload Id="package.msi" FilePath="package.msi" FileSize="{len(inner)}"
  {inside if attached else 'Packaging="external" SourcePath="package.msi"'}/>
<Registration Id="{{{bundle}}}" ExecutableName="setup.exe" PerMachine="{"yes" if machine else "no"}" Tag=""
  Version="{version}" ProviderKey="{{{bundle}}}"><Arp Register="yes" DisplayName={quoteattr(name)}
  DisplayVersion="{version}"
  Publisher="Example Software"/></Registration>
<Chain><RollbackBoundary Id="WixDefaultBoundary" Vital="yes"/><MsiPackage Id="package.msi" Cache="yes"
  CacheId="{draft.product_code}v{draft.version}" InstallSize="{len(inner)}" Size="{len(inner)}"
  PerMachine="{"yes" if machine else "no"}" Permanent="no" Vital="yes" ProductCode="{draft.product_code}"
  Language="{draft.language}" Version="{draft.version}" UpgradeCode="{draft.upgrade_code}">
  <PayloadRef Id="package.msi"/></MsiPackage></Chain></BurnManifest>"""
        own = _cabinet(folder, {"0": document.encode(), "u0": b"dll" * 400}, "-z")
        sizes = [len(own), len(payload)] if attached else [len(own)]
        header = struct.pack("<II16sIIIIII", 0xF14300, 2, bundle.bytes_le, 0, 0, 0, 0, 1, len(sizes))
        program.sections[".wixburn"] = (header + struct.pack(f"<{len(sizes)}I", *sizes)).ljust(512, b"\0")
        stub = program.written()
        program.sections[".wixburn"] = program.sections[".wixburn"].replace(
            header, struct.pack("<II16sIIIIII", 0xF14300, 2, bundle.bytes_le, len(stub), 0, 0, 0, 1, len(sizes))
        )
        program.overlay = own + payload
        return _written(program, folder)

    scope = Scope.MACHINE if machine else Scope.USER
    identity = f"{{{bundle}}}".upper()
    return Truth(Technology.WIX_BURN, version=version, scope=scope, name=name, bundle_id=identity), build


def wrapper(dice: random.Random) -> tuple[Truth, Callable[[Path], Path]]:
    """A program that contains an MSI, behind itself or as a resource, and runs it."""
    draft, program = _draft(dice), _program(dice)
    place = dice.choice(("overlay", "resource", "named resource"))

    def build(folder: Path) -> Path:
        inner = msi.build(draft, folder).read_bytes()
        program.sections[".rdata"] = 'msiexec.exe /i "%s"\0'.encode("utf-16-le")
        if place == "overlay":
            program.overlay = inner
        else:
            program.resources[RCDATA if place == "resource" else "MSI", 101] = inner
        return _written(program, folder)

    return Truth(Technology.MSI_WRAPPER), build


def installshield(dice: random.Random) -> tuple[Truth, Callable[[Path], Path]]:
    """A launcher of InstallShield: its stream behind the program, and the texts that its resource has."""
    mark = dice.choice((b"InstallShield\0", b"ISSetupStream\0"))
    texts = {"CompanyName": "Example Software", "ProductName": "Example", "InternalName": "Setup",
             "ISInternalDescription": "Setup Launcher Unicode", "ISInternalVersion": "24.0.573",
             "OriginalFilename": "InstallShield Setup.exe"}  # fmt: skip
    program = _program(dice, **(texts if dice.random() < 0.7 else {"InternalName": "Setup"}))

    def build(folder: Path) -> Path:
        files = {"setup.ini": b"[Startup]\r\nProduct=Example\r\n", "data1.cab": b"ISc(" + dice.randbytes(400)}
        stream = mark + struct.pack("<HI", len(files), 2) + bytes(26)
        for name, content in files.items():
            stream += struct.pack("<260sIIIQH", name.encode(), 0, 0, len(content), 0, 0).ljust(312, b"\0") + content
        program.overlay = stream
        return _written(program, folder)

    return Truth(Technology.INSTALLSHIELD), build


def iexpress(dice: random.Random) -> tuple[Truth, Callable[[Path], Path]]:
    """A self-extracting cabinet as IExpress makes it."""
    program = _program(
        dice, CompanyName="Microsoft Corporation", FileDescription="Win32 Cabinet Self-Extractor",
        InternalName="Wextract",
        OriginalFilename="WEXTRACT.EXE", ProductName="Internet Explorer",
    )  # fmt: skip

    def build(folder: Path) -> Path:
        for name, content in (("RUNPROGRAM", b"setup.cmd\0"), ("TITLE", b"Example\0"), ("POSTRUNPROGRAM", b"<None>\0")):
            program.resources[RCDATA, name] = content
        program.resources[RCDATA, "CABINET"] = _cabinet(
            folder, {"setup.cmd": b"@echo off\r\n", "a.dat": b"x" * 5000}, "-z"
        )
        return _written(program, folder)

    return Truth(Technology.SELF_EXTRACTING_ARCHIVE), build


def archive(dice: random.Random) -> tuple[Truth, Callable[[Path], Path]]:
    """A program with an archive behind it."""
    kind = dice.choice(("zip", "7z", "rar", "rar5", "cab"))
    program, seed = _program(dice), dice.randbytes(3000)

    def build(folder: Path) -> Path:
        (folder / "setup.dat").write_bytes(seed)
        if kind == "zip":
            with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as opened:
                opened.write(folder / "setup.dat", "setup.dat")
            program.overlay = (folder / "a.zip").read_bytes()
        elif kind == "7z":
            run(tool("7zz"), "a", "-bd", folder / "a.7z", "setup.dat", within=folder)
            program.overlay = (folder / "a.7z").read_bytes()
        elif kind == "cab":
            program.overlay = _cabinet(folder, {"setup.dat": seed}, "-z")
        else:
            program.overlay = _rar(seed) if kind == "rar" else b"Rar!\x1a\x07\x01\x00" + seed
        return _written(program, folder)

    return Truth(Technology.SELF_EXTRACTING_ARCHIVE), build


def _rar(content: bytes) -> bytes:
    """Return the beginning of an archive of RAR 4 with its first two blocks, and bytes that stand for packed data."""
    main = struct.pack("<HBHHHI", 0x90CF, 0x73, 0, 13, 0, 0)
    return b"Rar!\x1a\x07\x00" + main + content


def seven_zip(dice: random.Random) -> tuple[Truth, Callable[[Path], Path]]:
    """The real modules of 7-Zip, with an archive behind them."""
    module = dice.choice(("7z.sfx", "7zCon.sfx"))
    setting = dice.random() < 0.5
    seed = dice.randbytes(5000)

    def build(folder: Path) -> Path:
        stub = (npm("7zip", "0.0.6") / "7zip-lite" / module).read_bytes()
        (folder / "setup.cmd").write_bytes(seed)
        run(tool("7zz"), "a", "-bd", folder / "a.7z", "setup.cmd", within=folder)
        start = (
            b';!@Install@!UTF-8!\r\nTitle="Example"\r\nRunProgram="setup.cmd"\r\n;!@InstallEnd@!' if setting else b""
        )
        (folder / "setup.exe").write_bytes(stub + start + (folder / "a.7z").read_bytes())
        return folder / "setup.exe"

    return Truth(Technology.SELF_EXTRACTING_ARCHIVE), build


def plain(dice: random.Random) -> tuple[Truth, Callable[[Path], Path]]:
    """A program that is no installer of a known kind: only texts, or bytes behind it that mean nothing."""
    program = _program(dice, ProductName="Example", CompanyName="Example Software")
    words = dice.choice((b"", b"This program was not made with any installer.", b"setup install uninstall"))
    rest = dice.choice((b"", dice.randbytes(2000)))

    def build(folder: Path) -> Path:
        program.sections[".rdata"] = words or b"\0"
        program.overlay = rest
        return _written(program, folder)

    return Truth(Technology.UNKNOWN, architecture=_MACHINES[program.machine]), build


KINDS = {
    "burn": burn, "wrapper": wrapper, "installshield": installshield, "iexpress": iexpress, "archive": archive,
    "seven zip": seven_zip, "plain": plain,
}  # fmt: skip


def recipes(group: str, count: int, held_back: bool) -> list[Recipe]:
    """Return recipes of all kinds in turn, drawn by a group's name."""
    found = []
    for number in range(count):
        kind = list(KINDS)[number % len(KINDS)]
        truth, build = KINDS[kind](random.Random(f"{group} {kind} {number}"))
        found.append(Recipe(f"{kind} {group} {number}", truth, build, held_back, ("exe",)))
    return found
