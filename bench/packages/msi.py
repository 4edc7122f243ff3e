"""MSIs built with wixl and msibuild: scopes, platforms, languages, ways to upgrade, and odd but allowed properties."""

from __future__ import annotations

import random
import struct
import uuid
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import olefile

from bench.packages.recipes import Recipe, Truth, run, tool
from workflows.package_deployment.analysis import Architecture, Scope, Technology

_NAMES = (
    "Example Viewer", "Rechner für Größen", "Example & Sons <Tools>", "例示ビューア", "Пример программы",
    "Tool 'Single'", "Prohlížeč příkladů", "Ex", "Example " * 12 + "Suite", "100% [Free] Example",
    "Example Agent (64-bit)",
)  # fmt: skip
_MAKERS = ("Example Software", "Muster GmbH & Co. KG", "株式会社サンプル", "Example, Inc.")
_LANGUAGES = (1033, 1031, 1036, 1041, 1029, 2052, 0)
_VERSIONS = ("1.0.0", "0.9", "10.20.30000", "1.2.3.4", "255.255.65535", "2026.11.30", "1", "01.02.03")
_CODE_PAGES = (65001, 1252, 1251, 1250, 932)
"""Code pages of texts, of which each MSI has one that can write its names."""
_TEMPLATES = {
    "x86": ("Intel", Architecture.X86),
    "x64": ("x64", Architecture.X64),
    "amd64": ("AMD64", Architecture.X64),
    "arm64": ("Arm64", Architecture.ARM64),
    "itanium": ("Intel64", Architecture.ITANIUM),
}
_SCOPES: dict[str, tuple[dict[str, str], Scope]] = {
    "machine": ({"ALLUSERS": "1"}, Scope.MACHINE),
    "user": ({}, Scope.USER),
    "user by empty property": ({"MSIINSTALLPERUSER": "1"}, Scope.USER),
    "either, user first": ({"ALLUSERS": "2", "MSIINSTALLPERUSER": "1"}, Scope.EITHER),
    "either": ({"ALLUSERS": "2"}, Scope.EITHER),
}
"""Properties, and what Windows Installer's documents say of them (ALLUSERS, MSIINSTALLPERUSER)."""


@dataclass
class Draft:
    """An MSI as it was drawn."""

    name: str
    maker: str
    version: str
    language: int
    platform: str
    scope: str
    upgrade: str
    code_page: int
    extras: set[str] = field(default_factory=set)
    product_code: str = ""
    upgrade_code: str = ""

    @classmethod
    def drawn(cls, dice: random.Random) -> Draft:
        """Draw one."""
        extras = {"service", "shortcut", "registry", "action", "condition", "cabinet outside", "two features"}
        name, maker = dice.choice(_NAMES), dice.choice(_MAKERS)
        return cls(
            name, maker, dice.choice(_VERSIONS), dice.choice(_LANGUAGES),
            dice.choice([*_TEMPLATES, "x86", "x64"]), dice.choice([*_SCOPES, "machine", "user"]),
            dice.choice(("none", "major", "table", "no code")),
            dice.choice([page for page in _CODE_PAGES if _writes(page, name + maker)]),
            {extra for extra in sorted(extras) if dice.random() < 0.35}, _code(dice), _code(dice),
        )  # fmt: skip

    @property
    def truth(self) -> Truth:
        """What is true of it."""
        return Truth(
            Technology.MSI, self.product_code, "" if self.upgrade == "no code" else self.upgrade_code, self.version,
            _TEMPLATES[self.platform][1], _SCOPES[self.scope][1], self.name, self.maker,
        )  # fmt: skip


def _writes(page: int, text: str) -> bool:
    try:
        text.encode(_codec(page))
    except UnicodeEncodeError:
        return False
    return True


def _codec(page: int) -> str:
    return "utf-8" if page == 65001 else f"cp{page}"


def _code(dice: random.Random) -> str:
    return f"{{{uuid.UUID(int=dice.getrandbits(128), version=4)}}}".upper()


def build(draft: Draft, folder: Path, payload: bytes = b"") -> Path:
    """Build an MSI with wixl, and set with msibuild what wixl cannot."""
    (folder / "payload.exe").write_bytes(payload or random.Random(draft.product_code).randbytes(30_000))
    (folder / "source.wxs").write_text(_source(draft), "utf-8")
    target = folder / "package.msi"
    wide = draft.platform in ("x64", "amd64", "arm64")
    run(tool("wixl"), *(("-a", "x64") if wide else ()), "-o", target, folder / "source.wxs", within=folder)
    if draft.upgrade == "no code":
        run(tool("msibuild"), target, "-q", "DELETE FROM `Property` WHERE `Property`='UpgradeCode'")
    template = f"{_TEMPLATES[draft.platform][0]};{draft.language}"
    _write_texts(draft, target)
    package_code = f"{{{uuid.uuid5(uuid.NAMESPACE_URL, draft.product_code)}}}".upper()
    run(tool("msibuild"), target, "-s", "Installation Database", "Example", template, package_code)
    return target


def _stand_in(text: str, page: int, letter: str) -> str:
    """Return ASCII of the length that a text has in a code page; wixl loses other characters."""
    return letter * len(text.encode(_codec(page)))


def _write_texts(draft: Draft, path: Path) -> None:
    """Put the real names, in their code page, in the place of those that stood for them."""
    names = {_stand_in(text, draft.code_page, letter).encode(): text.encode(_codec(draft.code_page))
             for text, letter in ((draft.name, "q"), (draft.maker, "z"))}  # fmt: skip
    with olefile.OleFileIO(path, write_mode=True) as opened:
        pool, data = (_stream_name(table) for table in ("_StringPool", "_StringData"))
        content = opened.openstream(data).read()
        for ascii_text, text in names.items():
            if content.count(ascii_text) != 1:
                raise RuntimeError(f"{ascii_text!r} is {content.count(ascii_text)} times in the MSI")
            content = content.replace(ascii_text, text)
        opened.write_stream(data, content)
        head = opened.openstream(pool).read()
        opened.write_stream(pool, struct.pack("<H", draft.code_page) + head[2:])


def _stream_name(table: str) -> str:
    """Return under which name an MSI stores a table: two characters in one, after a mark."""
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"
    pairs = [table[at : at + 2] for at in range(0, len(table), 2)]
    return "\u4840" + "".join(
        chr(0x3800 + letters.index(pair[0]) + (letters.index(pair[1]) << 6))
        if len(pair) == 2 else chr(0x4800 + letters.index(pair))
        for pair in pairs
    )  # fmt: skip


def _source(draft: Draft) -> str:
    properties = "".join(f"<Property Id='{name}' Value='{value}'/>" for name, value in _SCOPES[draft.scope][0].items())
    wide = " Win64='yes'" if draft.platform in ("x64", "amd64", "arm64") else ""
    folder = "ProgramFiles64Folder" if wide else "ProgramFilesFolder"
    upgrade = {
        "major": "<MajorUpgrade DowngradeErrorMessage='There is a newer one.' Schedule='afterInstallValidate'/>",
        "table": f"<Upgrade Id='{draft.upgrade_code}'><UpgradeVersion Minimum='0.0.1' IncludeMinimum='yes' "
        "Property='OLDFOUND' OnlyDetect='no'/></Upgrade>",
    }.get(draft.upgrade, "")
    name, maker = (_stand_in(text, draft.code_page, letter) for text, letter in ((draft.name, "q"), (draft.maker, "z")))
    extras = draft.extras
    return f"""<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
<Product Id="{draft.product_code}" Name="{name}" Language="{draft.language}"
  Version="{draft.version}" Manufacturer="{maker}" UpgradeCode="{draft.upgrade_code}">
 <Package InstallerVersion="500" Compressed="yes"/>
 {properties}{upgrade}
 {"<Condition Message='Windows 10 is needed.'>VersionNT &gt;= 603</Condition>" if "condition" in extras else ""}
 <Media Id="1" Cabinet="data.cab" EmbedCab="{"no" if "cabinet outside" in extras else "yes"}"/>
 <Directory Id="TARGETDIR" Name="SourceDir">
  <Directory Id="{folder}"><Directory Id="APP" Name="Example">
   <Component Id="Main" Guid="{_derived(draft, "main")}"{wide}>
    <File Id="Payload" Source="payload.exe" KeyPath="yes"/>
    {_SERVICE if "service" in extras else ""}
   </Component>
   {_registry(draft, wide) if "registry" in extras else ""}
  </Directory></Directory>
 </Directory>
 {_ACTION if "action" in extras else ""}
 <Feature Id="Complete" Title="Complete" Level="1"><ComponentRef Id="Main"/>
  {"<ComponentRef Id='Keys'/>" if "registry" in extras else ""}
  {"<Feature Id='Second' Title='More' Level='2'/>" if "two features" in extras else ""}
 </Feature>
</Product></Wix>"""


_SERVICE = (
    "<ServiceInstall Id='S' Name='ExampleAgent' DisplayName='Example Agent' Type='ownProcess' Start='auto' "
    "ErrorControl='normal'/><ServiceControl Id='C' Name='ExampleAgent' Start='install' Stop='both' Remove='uninstall'/>"
)
_ACTION = (
    "<CustomAction Id='Note' Property='NOTED' Value='1'/>"
    "<InstallExecuteSequence><Custom Action='Note' After='InstallInitialize'>NOT Installed</Custom>"
    "</InstallExecuteSequence>"
)


def _registry(draft: Draft, wide: str) -> str:
    return (
        f"<Component Id='Keys' Guid='{_derived(draft, 'keys')}'{wide}><RegistryValue Root='HKMU' "
        "Key='Software\\Example' Name='Path' Type='string' Value='[APP]' KeyPath='yes'/></Component>"
    )


def _derived(draft: Draft, part: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, draft.product_code + part)).upper()


def recipes(group: str, count: int, held_back: bool) -> list[Recipe]:
    """Return recipes that are drawn by a group's name, which is all that has to be known to draw them again."""
    found = []
    for number in range(count):
        draft = Draft.drawn(random.Random(f"{group} {number}"))
        found.append(Recipe(f"msi {group} {number}", draft.truth, partial(build, draft), held_back, ("msi",)))
    return found


def build_bare(draft: Draft, folder: Path) -> Path:
    """Build an MSI with msibuild alone, with no more tables than it must have."""
    properties = {
        "ProductCode": draft.product_code, "ProductVersion": draft.version, "ProductLanguage": str(draft.language),
        "ProductName": draft.name, "Manufacturer": draft.maker, **_SCOPES[draft.scope][0],
    }  # fmt: skip
    if draft.upgrade != "no code":
        properties["UpgradeCode"] = draft.upgrade_code
    rows = [f"{name}\t{value}" for name, value in properties.items()]
    table = folder / "Property.idt"
    table.write_bytes("\r\n".join(("Property\tValue", "s72\tl0", "Property\tProperty", *rows, "")).encode())
    target = folder / "package.msi"
    template = f"{_TEMPLATES[draft.platform][0]};{draft.language}"
    run(tool("msibuild"), target, "-i", table)
    run(tool("msibuild"), target, "-s", "Installation Database", "Example", template, draft.product_code)
    return target


def bare_recipes(group: str, count: int, held_back: bool) -> list[Recipe]:
    """Return recipes of MSIs that wixl had no part in."""
    found = []
    for number in range(count):
        draft = Draft.drawn(random.Random(f"{group} bare {number}"))
        draft.name, draft.maker = "Example Bare", "Example Software"
        build = partial(build_bare, draft)
        found.append(Recipe(f"bare msi {group} {number}", draft.truth, build, held_back, ("msi",)))
    return found
