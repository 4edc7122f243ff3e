"""Package managers of operating systems."""

from __future__ import annotations

import re

from app.risk.commands.options import arguments_of
from app.risk.commands.package_rules import (
    CRITICAL,
    ELSEWHERE,
    HIGH,
    INSTALLS,
    KEEPS,
    LOW,
    MEDIUM,
    RUNS,
    SOURCES,
    UNINSTALLS,
    UPGRADES,
    installs,
)  # fmt: skip
from app.risk.commands.subcommands import Given, Program
from app.risk.commands.table import Command, program
from app.risk.effects import Act, act_on, run_dynamic, run_unread
from app.risk.reading import Reading
from app.risk.rules import word_set

_REMOVE = "This removes {what|packages} from the machine."
_UPGRADE = "This upgrades all packages of the machine."
_LISTS = "This changes which packages are held back or chosen: {what}."


def _manager(
    *names: str, reads: str, refresh: str = "", install: str = "", upgrade: str = "", remove: str = "", clean: str = "",
    trust: str = "", marks: str = "", values: str = "", dry_run: str = "",
) -> Program:  # fmt: skip
    """Add a package manager of an operating system by the names of its subcommands."""
    manager = Program(*names, values=values, dry_run=dry_run, helps="--help --version -h")
    manager.reads(reads)
    if refresh:
        manager.does(KEEPS, "This refreshes the lists of packages.", refresh)
    if clean:
        manager.does(KEEPS, "This clears what the package manager keeps.", clean)
    if install:
        manager.reader(install)(
            lambda given, reading: installs(given, reading, whole=True, machine=_is_for_machine(given, reading))
        )
    if upgrade:
        manager.reader(upgrade)(_upgrades)
    if remove:
        manager.does(UNINSTALLS, _REMOVE, remove, HIGH)
        manager.reader(remove)(_essential)
    if trust:
        manager.does(SOURCES, "This changes which sources of packages are trusted: {what}.", trust)
    if marks:
        manager.does(UNINSTALLS, _LISTS, marks, MEDIUM)
    return manager


_FOR_USER = word_set("brew scoop nix-env guix")


def _is_for_machine(given: Given, reading: Reading) -> bool:
    """Return False for what is installed for one user, or into an image or a container."""
    if given.command.here == "container" or reading.options.get("image"):
        return False
    scope = given.value("--scope")
    own = given.command.name in _FOR_USER and not given.has("-g", "--global")
    return not (own or given.has("--user") or (scope is not None and scope.text.lower() == "user"))


_ESSENTIAL = re.compile(
    r"(?:libc6|glibc|musl|systemd|bash|dash|coreutils|util-linux|linux-image.*|linux-generic|kernel(?:-core)?"
    r"|linux|sudo"
    r"|openssh-server|apt|dpkg|rpm|dnf|yum|apk-tools|pacman|base|filesystem|init|python3(?:-minimal)?|grub.*|login"
    r"|passwd"
    r"|network-manager|NetworkManager|\*|\.\*)(?:[:=].*)?"
)


def _essential(given: Given, reading: Reading) -> None:
    for word in given.operands:
        if _ESSENTIAL.fullmatch(word.text):
            reading.add(UNINSTALLS, f"Without {word.display}, the machine no longer works.", word.line, CRITICAL)
    if given.has("--allow-remove-essential"):
        given.note(reading, UNINSTALLS, "This removes what the machine needs to work.", CRITICAL)


def _upgrades(given: Given, reading: Reading) -> None:
    if given.operands and given.texts != ["all"]:
        installs(given, reading, machine=_is_for_machine(given, reading))
    else:
        given.note(reading, UPGRADES, _UPGRADE)


APT = _manager(
    "apt", "apt-get", "aptitude", "nala",
    reads="list, search, show, policy, depends, rdepends, changelog, showsrc, madison, check, moo, why, why-not, "
    "versions, history, indextargets, help",
    refresh="update", install="install, reinstall, build-dep, satisfy",
    upgrade="upgrade, full-upgrade, dist-upgrade, safe-upgrade, dselect-upgrade",
    remove="remove, purge, autoremove, autopurge", clean="clean, autoclean, distclean, download, source",
    trust="edit-sources", marks="hold, unhold, markauto, unmarkauto",
    values="-o --option -c --config-file -t --target-release -a --host-architecture -q",
    dry_run="-s --simulate --just-print --dry-run --no-act --recon",
)  # fmt: skip
APT.option(
    "install, reinstall, upgrade, full-upgrade, dist-upgrade, build-dep",
    "--allow-unauthenticated --force-yes --allow-downgrades --allow-remove-essential --allow-insecure-repositories",
    SOURCES, "This installs without checking where packages come from.",
)  # fmt: skip


@APT.always
def _apt_settings(given: Given, reading: Reading) -> None:
    for value in given.arguments.values("-o", "--option", "-c", "--config-file"):
        if re.search(
            r"invoke|post-|pre-|dpkg::(?:options|pre|post|path)|dir::bin|trusted|allowinsecure|::sandbox|/",
            value.text,
            re.IGNORECASE,
        ):
            if re.match(r"dpkg::options::?=-*force-conf(?:old|def|new)$", value.text, re.IGNORECASE):
                continue
            reading.add(SOURCES, f"The setting {value.display} may run programs, or skip checks.", value.line)


_manager(
    "apt-cache", "apt-file", "apt-config", "apt-listchanges", "apt-show-versions",
    reads="search, show, policy, depends, rdepends, showpkg, madison, stats, dump, pkgnames, unmet, list, dotty, "
    "showsrc, shell, find", refresh="update, gencaches",
)  # fmt: skip
_manager(
    "apt-mark", reads="showauto, showmanual, showhold, showinstall", marks="auto, manual, hold, unhold, minimize-manual"
)
_manager(
    "yum", "dnf", "dnf5", "microdnf", "tdnf",
    reads="list, search, info, provides, whatprovides, repolist, repoinfo, repoquery, check-update, check-upgrade, "
    "check, "
    "deplist, history list, history info, history, group list, group info, grouplist, groupinfo, updateinfo, "
    "module list, "
    "module info, changelog, help, needs-restarting, advisory list, advisory info",
    refresh="makecache", install="install, localinstall, reinstall, downgrade, groupinstall, group install, swap, "
    "module install, module enable, builddep", upgrade="update, upgrade, distro-sync, system-upgrade, upgrade-minimal, "
    "offline-upgrade", remove="remove, erase, autoremove, groupremove, group remove, history undo, history rollback, "
    "module remove, module disable, module reset", clean="clean, download", trust="config-manager, copr, copr enable",
    marks="mark, versionlock", values="-c --config -x --exclude --releasever --enablerepo --disablerepo --setopt "
    "--installroot --repofrompath -d --debuglevel", dry_run="--assumeno",
).option(
    "install, update, upgrade, localinstall, reinstall, downgrade", "--nogpgcheck --repofrompath --installroot",
    SOURCES, "This installs without the usual checks, or from another source.",
)  # fmt: skip
_manager(
    "zypper", reads="search, se, info, if, list-updates, lu, list-patches, lp, packages, pa, repos, lr, patterns, "
    "products, "
    "what-provides, patch-check, ps, services, ls, locks, ll, versioncmp, targetos, help", refresh="refresh, ref",
    install="install, in, source-install, si, install-new-recommends, inr", upgrade="update, up, dist-upgrade, "
    "dup, patch",
    remove="remove, rm, remove-lock, rl", clean="clean, cc, download",
    trust="addrepo, ar, removerepo, rr, modifyrepo, mr, addservice, as, renamerepo, nr", marks="addlock, al",
    values="-R --root -c --config -t --type -r --repo --from", dry_run="-D --dry-run",
)  # fmt: skip
_manager(
    "apk", reads="info, search, list, policy, dot, version, stats, audit, verify, manifest", refresh="update",
    install="add, fix", upgrade="upgrade", remove="del", clean="cache, fetch",
    values="-X --repository -p --root -t --virtual --keys-dir --cache-dir --arch", dry_run="-s --simulate",
).option(
    "add, upgrade", "--allow-untrusted -X --repository", SOURCES, "This installs from another source, or without "
    "checks."
)  # fmt: skip
_manager(
    "snap", reads="list, find, info, version, changes, tasks, connections, interfaces, services, logs, get, known, "
    "whoami, "
    "warnings, model, saved", install="install, try", upgrade="refresh", remove="remove, forget",
    marks="enable, disable, set, unset, alias, unalias, switch, start, stop, restart, connect, disconnect, revert, "
    "abort, "
    "save, restore", trust="ack, login",
).option(
    "install", "--dangerous --devmode --classic", SOURCES, "This installs without the usual confinement or checks."
)  # fmt: skip
_manager(
    "flatpak", reads="list, info, search, remotes, remote-ls, remote-info, history, ps, config", install="install",
    upgrade="update, upgrade", remove="uninstall, remove", trust="remote-add, remote-delete, remote-modify, override",
    marks="mask, pin, repair, run, kill, make-current",
)  # fmt: skip
BREW = _manager(
    "brew", "port", reads="list, ls, search, info, deps, uses, outdated, config, doctor, leaves, desc, home, cat, log, "
    "options, --prefix, --cellar, --cache, --repository, services list, services info, bundle check, bundle list, "
    "tap-info, "
    "missing, commands, casks, formulae, shellenv, installed, contents, audit, style, analytics state",
    refresh="update, selfupdate", install="install, reinstall, bundle, bundle install", upgrade="upgrade",
    remove="uninstall, remove, rm, autoremove, untap", clean="cleanup, fetch, clean, bundle dump", trust="tap",
    marks="pin, unpin, link, unlink, services start, services stop, services restart, services run, switch, "
    "postinstall, "
    "edit, create, analytics off, analytics on, activate, deactivate", dry_run="-n --dry-run",
)  # fmt: skip
_manager(
    "pkg", "pkg_add", "pkgin", reads="info, search, query, rquery, version, which, list, stats, check, audit",
    refresh="update", install="install, add", upgrade="upgrade", remove="delete, remove, autoremove",
    clean="clean, fetch",
    marks="lock, unlock, set", dry_run="-n --dry-run",
)  # fmt: skip
WINGET = _manager(
    "winget", reads="list, search, show, source list, features, export, --info, hash, validate", refresh="source "
    "update",
    install="install, add, import, configure", upgrade="upgrade, update", remove="uninstall, remove, rm",
    trust="source add, source remove, source reset, settings", marks="pin, pin add, pin remove, repair, download",
    values="--id --name --moniker --version -v --source -s --scope --architecture -a -e --log --manifest -m",
)  # fmt: skip
CHOCO = _manager(
    "choco", "chocolatey", "scoop", reads="list, search, find, info, outdated, config list, source list, pin list, "
    "which, "
    "status, home, cat, prefix, bucket list, apikey list", refresh="update", install="install, cinst",
    upgrade="upgrade, cup", remove="uninstall, cuninst", clean="cleanup, cache",
    trust="source, source add, source remove, bucket add, bucket rm, config, config set, feature, apikey, setapikey",
    marks="pin, hold, unhold, reset, export", values="--version --source -s --params --package-parameters",
    dry_run="--whatif --what-if --noop",
)  # fmt: skip


@WINGET.reader("install, add, upgrade, update")
@CHOCO.reader("install, cinst, upgrade, cup")
def _windows_sources(given: Given, reading: Reading) -> None:
    for value in given.arguments.values("--manifest", "-m", "--source", "-s"):
        if re.search(r"[\\/]", value.text):
            reading.add(ELSEWHERE, f"This installs from {value.display}, which is not the usual registry.", value.line)


_manager(
    "emerge", "xbps-install", "opkg", "nix-env", "guix", "slackpkg", "eopkg", "swupd", "softwareupdate", "mas",
    reads="search, list, info, show, status, list-installed, list-upgradable, files, package --list-installed",
    refresh="update, pull", install="install, add, package", upgrade="upgrade, system", remove="remove, uninstall",
    clean="clean, gc",
)  # fmt: skip
Program("winget-create", "wingetcreate").does(INSTALLS, "This makes or submits a package.", "new, update, submit", HIGH)

_PIP_LIKE = "-r -q"


@program("dpkg")
def _dpkg(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "--root --admindir --instdir -D --debug --path-exclude --path-include")
    if given.has("-i", "--install", "--unpack", "-A", "--record-avail"):
        for word in given.operands:
            reading.add(ELSEWHERE, f"This installs the file {word.display}, which has not been read.", word.line)
        if not given.operands:
            run_dynamic(reading, "dpkg", command.line)
    elif given.has("-r", "--remove", "-P", "--purge"):
        for word in given.operands:
            level = CRITICAL if _ESSENTIAL.fullmatch(word.text) else HIGH
            reading.add(UNINSTALLS, f"This removes {word.display} from the machine.", word.line, level)
    elif given.has("--configure", "--triggers-only", "--set-selections", "--clear-selections", "--add-architecture",
                   "--remove-architecture", "--update-avail", "--merge-avail", "--clear-avail", "--pre-invoke",
                   "--post-invoke"):  # fmt: skip
        reading.add(UNINSTALLS, "This changes how packages of the machine are set up.", command.line, HIGH)
    elif not given.exactly(*_DPKG_READS):
        reading.add(INSTALLS, "What this does to the machine's packages is not known.", command.line)


@program("dpkg-query", "dpkg-architecture", "dpkg-parsechangelog", "dpkg-vendor")
def _dpkg_reads(command: Command, reading: Reading) -> None:
    if any(word.text.startswith(("-c", "--command")) for word in command.arguments) and "arch" in command.name:
        reading.read("shell", command.arguments[-1].text, command.line, fixed=True)


_DPKG_READS = (
    "-l", "--list", "-L", "--listfiles", "-s", "--status", "-S", "--search", "-p", "--print-avail", "-c", "--contents",
    "-I", "--info", "-V", "--verify", "-C", "--audit", "--get-selections", "--print-architecture", "-f", "--field",
    "--print-foreign-architectures", "--compare-versions", "--version", "--help", "--yet-to-unpack", "--assert-support",
    "-e", "--control", "-x", "--extract", "-b", "--build", "--validate-pkgname", "--predep-package",
)  # fmt: skip


@program("rpm")
def _rpm(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments, "--root --dbpath --qf --queryformat -D --define -E --eval --prefix --relocate"
    )
    if given.has("--import", "--initdb", "--rebuilddb", "--setperms", "--setugids", "--restore"):
        reading.add(SOURCES, "This changes which keys are trusted, or the machine's list of packages.", command.line)
    elif given.has("-e", "--erase"):
        for word in given.operands:
            level = CRITICAL if _ESSENTIAL.fullmatch(word.text) else HIGH
            reading.add(UNINSTALLS, f"This removes {word.display} from the machine.", word.line, level)
    elif given.exactly(
        "-q", "--query", "-V", "--verify", "-K", "--checksig", "--version", "--help", "--showrc", "--eval", "-E"
    ):
        if given.has("-D", "--define", "--eval", "-E", "--pipe"):
            run_unread(reading, "what macros of rpm name", command.line)
    else:
        for word in given.operands:
            reading.add(ELSEWHERE, f"This installs {word.display}, which has not been read.", word.line)
        if not given.operands:
            reading.add(INSTALLS, "What this does to the machine's packages is not known.", command.line)


@program("pacman", "yay", "paru", "pamac")
def _pacman(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "--root --dbpath --config --cachedir --gpgdir --arch --ignore")
    line = command.line
    if given.has("-R", "--remove"):
        for word in given.operands:
            level = CRITICAL if _ESSENTIAL.fullmatch(word.text) else HIGH
            reading.add(UNINSTALLS, f"This removes {word.display} from the machine.", word.line, level)
    elif given.has("-U", "--upgrade"):
        for word in given.operands:
            reading.add(ELSEWHERE, f"This installs {word.display}, which has not been read.", word.line)
    elif given.has("-S", "--sync"):
        if given.exactly("-s", "--search", "-i", "--info", "-l", "--list", "-g", "--groups", "-p", "--print"):
            return
        for word in given.operands:
            inside = command.here == "container" or reading.options.get("image")
            rule = INSTALLS if command.name == "pacman" else RUNS
            level = MEDIUM if inside and rule is INSTALLS else HIGH
            reading.add(rule, f"This installs {word.display}; its install scripts run.", word.line, level)
        if given.has("-u", "--sysupgrade"):
            reading.add(UPGRADES, _UPGRADE, line)
        elif not given.operands:
            reading.add(KEEPS, "This refreshes or clears what pacman keeps.", line, LOW)
    elif given.has("-D", "--database"):
        reading.add(UNINSTALLS, "This changes the list of installed packages.", line, MEDIUM)
    elif not given.exactly("-Q", "--query", "-F", "--files", "-T", "--deptest", "-V", "--version", "-h", "--help"):
        reading.add(INSTALLS, "What this does to the machine's packages is not known.", line)


@program("add-apt-repository", "apt-add-repository", "apt-key", "rpmkeys", "pacman-key", "update-ca-certificates",
         "update-ca-trust", "debconf-set-selections", "yum-config-manager")  # fmt: skip
def _trusts(command: Command, reading: Reading) -> None:
    if command.name == "apt-key" and command.arguments and command.arguments[0].text in ("list", "export", "finger"):
        return
    reading.add(SOURCES, "This changes which sources, keys, or answers this machine trusts.", command.line)


@program("msiexec")
def _msiexec(command: Command, reading: Reading) -> None:
    texts = [word.text.lower() for word in command.arguments]
    package = next(
        (word for word in command.arguments if re.search(r"\.ms[ip]\b|^https?:", word.text, re.IGNORECASE)), None
    )
    shown = package.display if package else "a package"
    if any(re.match(r"[/-](?:x|uninstall)", text) for text in texts):
        reading.add(UNINSTALLS, f"This removes {shown} from the machine.", command.line, HIGH)
    elif any(re.match(r"[/-](?:i|package|a|j|f|update|p|y|z)", text) for text in texts):
        reading.add(ELSEWHERE, f"This installs {shown} on the machine; what it does has not been read.", command.line)
    elif texts and texts != ["/?"]:
        reading.add(ELSEWHERE, "What this installer does is not known.", command.line)


@program("unattended-upgrade", "unattended-upgrades", "do-release-upgrade", "apt-offline", "tasksel", "dselect")
def _whole(command: Command, reading: Reading) -> None:
    reading.add(UPGRADES, _UPGRADE, command.line)


@program("dpkg-deb", "dpkg-source", "dpkg-buildpackage", "rpmbuild", "makepkg", "checkinstall", "alien", "fpm")
def _builds_package(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments)
    if command.name == "dpkg-deb" and given.exactly(
        "-I", "--info", "-c", "--contents", "-f", "--field", "-W", "--show"
    ):
        return
    if command.name == "dpkg-deb":
        for word in given.operands[1:]:
            act_on(reading, Act.WRITE, word)
        return
    run_unread(reading, "the steps that build a package", command.line)
