"""From the analysis and the instructions to the blocks of a script, without a model.

What is not known is not guessed: where no silent way is known, the script says so and ends before it changes anything.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from workflows.package_deployment.analysis import Confidence, PackageAnalysis, Scope, Switch, Technology
from workflows.package_deployment.scripts import blocks
from workflows.package_deployment.scripts import instruction_model as asked
from workflows.package_deployment.scripts.calls import GAP, Folder
from workflows.package_deployment.scripts.instruction_base import Mode, Origin
from workflows.package_deployment.scripts.instruction_model import Instructions
from workflows.package_deployment.scripts.literals import cleaned, safe_file_name

Purpose = Literal["install", "uninstall", "repair"]
_GUID = re.compile(r"\{[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\}")
_FULL_PACKAGE = re.compile(r"(?:.*\\)?([^\\]+?)-\d+\.\d+[^\\]*-full\.nupkg", re.IGNORECASE)
_NOT_INSTALLABLE = frozenset({Technology.MSI_TRANSFORM, Technology.MERGE_MODULE})
_NOT_PRODUCTS = _NOT_INSTALLABLE | {Technology.MSI_PATCH}
_CLOSE_SECONDS = 60
"""How long applications stay open, if nobody has said so."""


def installer_name(analysis: PackageAnalysis) -> str:
    """Return the name that the installer has in the package."""
    return safe_file_name(analysis.file_name)


def product_code(analysis: PackageAnalysis) -> str:
    """Return the product code in capitals, or an empty text if there is none that Windows Installer knows."""
    code = cleaned(analysis.product_code).upper()
    if not _GUID.fullmatch(code) or analysis.technology in {Technology.WIX_BURN, *_NOT_PRODUCTS}:
        return ""
    return code


def application_name(analysis: PackageAnalysis) -> str:
    """Return what the application is called; at least the name of its installer."""
    return cleaned(analysis.product_name) or installer_name(analysis).rsplit(".", 1)[0].strip() or "Application"


def switch_for(analysis: PackageAnalysis, purpose: str) -> Switch | None:
    """Return the known arguments for a purpose, unless they are only a guess, or have a gap such as ``<file>``."""
    found = analysis.switch(purpose)
    is_usable = found and found.confidence is not Confidence.GUESS and "<" not in found.arguments
    return found if is_usable else None


def plan(analysis: PackageAnalysis, instructions: Instructions) -> blocks.ScriptPlan:
    """Return the blocks of a script."""
    return _Planner(analysis, instructions).plan()


class _Planner:
    """Makes the blocks of one script."""

    def __init__(self, analysis: PackageAnalysis, instructions: Instructions) -> None:
        self.analysis = analysis
        self.given = instructions
        self.mode = instructions.mode
        self.file = installer_name(analysis)
        self.name = application_name(analysis)
        self.code = product_code(analysis)
        self.scope = _scope(analysis, instructions)

    def plan(self) -> blocks.ScriptPlan:
        return blocks.ScriptPlan(
            session=self._session(),
            install=blocks.Phase(
                before=[
                    *self._prerequisites(),
                    *self._closing(defers=True),
                    *self._progress(),
                    *self._earlier_versions(),
                ],
                main=[*self._install(), *self._patches()],
                after=[*self._settings(), *self._restart(), *self._completion()],
            ),
            uninstall=blocks.Phase(
                before=[*self._closing(defers=False), *self._progress()],
                main=self._uninstall(),
                after=[*self._clean_up(), *self._restart()],
            ),
            repair=blocks.Phase(
                before=[*self._closing(defers=False), *self._progress()],
                main=self._repair(),
                after=[*self._settings(), *self._restart()],
            ),
        )

    def _session(self) -> blocks.Session:
        codes = {meaning: _codes(self.given, meaning) for meaning in ("success", "restart")}
        seen = any(window.shown and _is_wish(window) for window in self.given.of(asked.Window))
        defers = any(_is_wish(item) and item.is_allowed for item in self.given.of(asked.Deferral))
        modes = [item.mode for item in self.given.of(asked.Interaction)]
        behavior = self._behavior()
        language = self.analysis.language.split(",")[0]
        return blocks.Session(
            vendor=self.analysis.manufacturer,
            name=self.name,
            version=self.analysis.version,
            architecture=self.analysis.architecture,
            language=language,
            scope=self.scope,
            success_codes=[*blocks.DEFAULT_SUCCESS, *codes["success"]],
            restart_codes=[*blocks.DEFAULT_RESTART, *codes["restart"]],
            processes=self._processes(),
            author=self.given.author,
            date=self.given.date,
            title=self.given.title,
            mode=modes[-1] if modes else "Auto",
            is_seen=(seen or defers) and not modes,
            suppresses_restart=behavior is not None and behavior.behavior is blocks.RestartBehavior.SUPPRESS,
        )

    def _processes(self) -> list[blocks.Process]:
        found: dict[str, blocks.Process] = {}
        for item in self.given.of(asked.CloseApplication):
            name = item.process.removesuffix(".exe")
            found.setdefault(name.lower(), blocks.Process(name=name, description=item.description))
        return list(found.values())

    # Before the main step

    def _prerequisites(self) -> list[blocks.Prerequisites]:
        fields: dict[str, Any] = {}
        for item in self.given.of(asked.Requirement):
            fields |= {name: value for name, value in item.model_dump(exclude={"source", "topic"}).items() if value}
        return [blocks.Prerequisites(**fields)] if fields else []

    def _closing(self, *, defers: bool) -> list[blocks.CloseApplications]:
        has_processes = bool(self._processes())
        ways = self.given.of(asked.Closing)
        deferrals = [item for item in self.given.of(asked.Deferral) if item.is_allowed] if defers else []
        welcome = [item for item in self.given.of(asked.Window) if item.which == "welcome"]
        if welcome and not welcome[-1].shown:
            if not has_processes:
                return []
            return [blocks.CloseApplications(silent=True, blocks_start=any(way.blocks_start for way in ways))]
        if not has_processes and not deferrals and not welcome:
            return []
        countdown = next((way.countdown for way in reversed(ways) if way.countdown), None)
        forced = any(way.forced for way in ways)
        fields: dict[str, Any] = {}
        for item in deferrals:
            fields |= {
                name: value
                for name, value in (
                    ("defer_times", item.times),
                    ("defer_days", item.days),
                    ("defer_deadline", item.deadline),
                )
                if value is not None
            }
        return [
            blocks.CloseApplications(
                has_processes=has_processes,
                silent=has_processes and any(way.silent for way in ways),
                countdown=None if forced else countdown or _CLOSE_SECONDS,
                forced_countdown=(countdown or _CLOSE_SECONDS) if forced else None,
                prompt_to_save=any(way.prompt_to_save for way in ways),
                blocks_start=any(way.blocks_start for way in ways),
                persistent=bool(fields),
                **fields,
            )
        ]

    def _progress(self) -> list[blocks.Progress]:
        wishes = [item for item in self.given.of(asked.Window) if item.which == "progress"]
        return [blocks.Progress(message=wishes[-1].text)] if wishes and wishes[-1].shown else []

    def _earlier_versions(self) -> list[blocks.Block]:
        found: list[blocks.Block] = []
        for item in self.given.of(asked.EarlierVersions):
            if item.upgrade_code:
                found.append(
                    blocks.UninstallRelated(
                        upgrade_code=item.upgrade_code,
                        except_product_code=self.code or None,
                        before_version=self.analysis.version,
                    )
                )
            elif item.name:
                found.append(blocks.UninstallEntry(name=item.name, before_version=self._before(item.name)))
        return list(dict.fromkeys(found))

    def _before(self, name: str) -> str:
        """Return the version before which a product is removed; none if it is another one than the package has."""
        return self.analysis.version if name == self.name else ""

    # The main step

    def _install(self) -> list[blocks.Block]:
        arguments = self._arguments("install")
        if self.analysis.technology is Technology.MSI:
            return [
                blocks.InstallMsi(
                    file=self.file,
                    properties=self._properties(),
                    arguments=arguments,
                    transforms=[item.file for item in self.given.of(asked.Transform)],
                    log_name=self._log_name("Install"),
                )
            ]
        if self.analysis.technology is Technology.MSI_PATCH:
            return [blocks.InstallPatch(file=self.file)]
        if self.analysis.technology in _NOT_INSTALLABLE:
            return [blocks.NoSilentWay(purpose="install")]
        return [self._run("install", arguments)]

    def _run(self, purpose: Purpose, arguments: str) -> blocks.Block:
        """Return the block that runs the EXE."""
        known = switch_for(self.analysis, purpose)
        if not arguments and known is None:
            return blocks.NoSilentWay(purpose=purpose)
        return blocks.RunInstaller(
            file=self.file,
            arguments=arguments or self._known_arguments(purpose, known),
            log_arguments=self._log_arguments(arguments),
            log_name=self._log_name(purpose.capitalize()),
            success_codes=[*blocks.DEFAULT_SUCCESS, *_codes(self.given, "success")],
            restart_codes=[*blocks.DEFAULT_RESTART, *_codes(self.given, "restart")],
            waits_for_msi=self.analysis.technology in {Technology.MSI_WRAPPER, Technology.INSTALLSHIELD},
            waits_for_children=self.analysis.technology in {Technology.SQUIRREL, Technology.SELF_EXTRACTING_ARCHIVE},
        )

    def _known_arguments(self, purpose: Purpose, known: Switch | None) -> str:
        arguments = known.arguments if known else ""
        for_all = switch_for(self.analysis, "all_users")
        if purpose == "install" and self.analysis.scope is Scope.EITHER and self.scope is Scope.MACHINE and for_all:
            return f"{arguments} {for_all.arguments}"
        return arguments

    def _log_arguments(self, given: str) -> str:
        """Return the arguments that name a log, unless people have said which arguments there are."""
        known = self.analysis.switch("log")
        if given or known is None or known.confidence is Confidence.GUESS or self.mode is Mode.QUICK:
            return ""
        return known.arguments if "<" not in known.arguments.replace(GAP, "") else ""

    def _patches(self) -> list[blocks.Block]:
        return [blocks.InstallPatch(file=item.file) for item in self.given.of(asked.Patch)]

    def _uninstall(self) -> list[blocks.Block]:
        arguments = self._arguments("uninstall")
        known = switch_for(self.analysis, "uninstall")
        if self.code and not (arguments and self.analysis.technology is not Technology.MSI):
            return [blocks.UninstallMsi(product_code=self.code, log_name=self._log_name("Uninstall"))]
        if self.analysis.technology is Technology.WIX_BURN:
            return [self._run("uninstall", arguments)]
        if self.analysis.technology is Technology.SQUIRREL and (folder := self._squirrel_folder()):
            return [
                blocks.RunUninstaller(
                    path=f"%LOCALAPPDATA%\\{folder}\\Update.exe", arguments=arguments or "--uninstall -s"
                )
            ]
        entry = cleaned(self.analysis.uninstall_entry)
        if not (entry or cleaned(self.analysis.product_name)) or self.analysis.technology in _NOT_PRODUCTS:
            return [blocks.NoSilentWay(purpose="uninstall")]
        given = arguments or (known.arguments if known else "")
        kind: Literal["EXE", "MSI"] = "MSI" if self.analysis.technology is Technology.MSI else "EXE"
        return [
            blocks.UninstallEntry(
                name=self.name, entry=entry, application_type=kind, arguments="" if kind == "MSI" else given
            )
        ]

    def _squirrel_folder(self) -> str:
        found = (_FULL_PACKAGE.fullmatch(file.path) for file in self.analysis.files)
        return next((safe_file_name(match[1]) for match in found if match), "")

    def _repair(self) -> list[blocks.Block]:
        arguments = self._arguments("repair")
        if self.code and not arguments:
            return [blocks.RepairMsi(product_code=self.code, log_name=self._log_name("Repair"))]
        if arguments or switch_for(self.analysis, "repair"):
            return [self._run("repair", arguments)]
        return self._install()  # most installers repair what they find

    def _arguments(self, purpose: Purpose) -> str:
        return " ".join(item.arguments for item in self.given.of(asked.InstallerArguments) if item.purpose == purpose)

    def _properties(self) -> dict[str, str]:
        found = {item.name: item.value for item in self.given.of(asked.MsiProperty)}
        if self.analysis.scope is Scope.EITHER and "ALLUSERS" not in found:
            found |= {"ALLUSERS": "2", "MSIINSTALLPERUSER": "1"} if self.scope is Scope.USER else {"ALLUSERS": "1"}
        return found

    def _log_name(self, purpose: str) -> str:
        if self.mode is Mode.QUICK:
            return ""
        return safe_file_name(f"{self.name[:80]}_{self.analysis.version[:40]}_{purpose}".replace(" ", "_"))

    # After the main step

    def _settings(self) -> list[blocks.Block]:
        found: list[blocks.Block] = []
        for item in self.given.items:
            if isinstance(item, asked.Shortcut) and item.action == "remove":
                found.append(blocks.RemoveShortcut(place=_shortcut_place(item)))
            elif isinstance(item, asked.Shortcut) and item.action == "create" and item.target:
                found.append(blocks.CreateShortcut(place=_shortcut_place(item), target=item.target))
            elif isinstance(item, asked.RegistryValue) and item.action == "set":
                found.append(
                    blocks.SetRegistryValue(
                        key=item.key, name=item.name, value=item.value, type=item.type, view_32_bit=item.view_32_bit
                    )
                )
            elif isinstance(item, asked.RegistryValue):
                found.append(blocks.RemoveRegistryValue(key=item.key, name=item.name, view_32_bit=item.view_32_bit))
            elif isinstance(item, asked.CopyFile):
                found.append(blocks.CopySupportFile(file=item.file, to=item.to, every_user=item.every_user))
            elif isinstance(item, asked.UserSetup):
                target = blocks.Place(folder=Folder.PROGRAM_DATA, path=safe_file_name(self.name)[:100])
                found.append(blocks.ActiveSetup(file=item.file, arguments=item.arguments, target=target))
        return found

    def _clean_up(self) -> list[blocks.Block]:
        """Return what removes the settings again. Values that an administrator may need are kept in the quick mode."""
        found: list[blocks.Block] = [
            blocks.RemoveShortcut(place=_shortcut_place(item))
            for item in self.given.of(asked.Shortcut)
            if item.action == "create"
        ]
        if self.given.of(asked.UserSetup):
            found.append(blocks.RemoveActiveSetup())
        if self.mode is Mode.COMPREHENSIVE:
            found += [
                blocks.RemoveRegistryValue(key=item.key, name=item.name, view_32_bit=item.view_32_bit)
                for item in self.given.of(asked.RegistryValue)
                if item.action == "set" and item.name
            ]
        return found

    def _behavior(self) -> asked.Restart | None:
        wishes = self.given.of(asked.Restart)
        return wishes[-1] if wishes else None

    def _restart(self) -> list[blocks.RestartHandling]:
        wish = self._behavior()
        return [blocks.RestartHandling(behavior=wish.behavior, countdown=wish.countdown)] if wish else []

    def _completion(self) -> list[blocks.Message]:
        wishes = [item for item in self.given.of(asked.Window) if item.which == "completion"]
        if not wishes or not wishes[-1].shown:
            return []
        return [blocks.Message(text=wishes[-1].text or f"{self.name} has been installed.")]


def _is_wish(item: asked.Instruction) -> bool:
    return item.source.origin not in {Origin.MODE, Origin.ANALYSIS}


def _scope(analysis: PackageAnalysis, instructions: Instructions) -> Scope:
    wishes = instructions.of(asked.ScopeWish)
    if analysis.scope in {Scope.MACHINE, Scope.USER}:
        return analysis.scope
    if wishes:
        return wishes[-1].scope
    return Scope.MACHINE if analysis.scope is Scope.EITHER else Scope.UNKNOWN


def _codes(instructions: Instructions, meaning: str) -> list[int]:
    usual = blocks.DEFAULT_SUCCESS if meaning == "success" else blocks.DEFAULT_RESTART
    codes = [code for item in instructions.of(asked.ExitCodes) if item.meaning == meaning for code in item.codes]
    return [code for code in dict.fromkeys(codes) if code not in usual]


def _shortcut_place(item: asked.Shortcut) -> blocks.Place:
    folder = Folder.COMMON_DESKTOP if item.where == "desktop" else Folder.COMMON_START_MENU
    return blocks.Place(folder=folder, path=item.name)
