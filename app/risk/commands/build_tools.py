"""Package managers of compiled languages and of Ruby and PHP, which also build and run projects."""

from __future__ import annotations

from dataclasses import replace

from app.risk.commands.package_rules import (
    ACCOUNT,
    BUILDS,
    ELSEWHERE,
    INSTALLS,
    KEEPS,
    MEDIUM,
    PROJECT,
    PROJECT_RISKY,
    PROJECT_TASK,
    PUBLISHES,
    RUNS,
    SOURCES,
    UNINSTALLS,
    installs,
    registry,
    runs_task,
)
from app.risk.commands.subcommands import Given, Program
from app.risk.commands.table import Command, program, read_command
from app.risk.effects import run_unread
from app.risk.reading import Reading
from app.risk.rules import word_set
from app.risk.words import Word

_TESTS = "This runs the project's tests, which run its code."
_CHECKS = "This checks or formats the project's code, by the project's settings."
_BUILDS = "This builds the project; its build steps have not been read."
_REMOVES = "This removes {what|packages}."
_PUBLISHES = "This publishes {what|the package}, or withdraws it; others get it."


CARGO = Program(
    "cargo",
    values="--manifest-path -p --package --features --target --target-dir --bin --example "
    "--test --bench -j "
    "--color --config -Z --git --path --branch --tag --rev --version --vers --registry --index --token -C "
    "--profile --exclude --message-format",
    dry_run="--dry-run",
    helps="--help -h -V --list",
)
CARGO.reads(
    "tree, metadata, search, info, version, locate-project, verify-project, read-manifest, help, pkgid, "
    "owner --list, "
    "audit, outdated, deny check, license, --version, config get, report"
)
CARGO.does(
    PROJECT, _TESTS, "test, t, bench, nextest, nextest run, miri, tarpaulin, llvm-cov, insta, mutants, run, r, watch"
)
CARGO.does(PROJECT, _CHECKS, "check, c, clippy, fmt, fix, machete, udeps, spellcheck, sort, semver-checks, deny, hack")
CARGO.does(BUILDS, _BUILDS, "build, b, doc, d, rustc, rustdoc, package, expand, bloat, zigbuild, ndk, make")
CARGO.does(
    KEEPS, "This changes what cargo keeps: {what}.", "clean, new, init, generate-lockfile, fetch, vendor, update"
)
CARGO.does(INSTALLS, "This changes what the project is built from: {what}.", "add, remove, rm, upgrade")
CARGO.does(UNINSTALLS, _REMOVES, "uninstall")
CARGO.does(PUBLISHES, _PUBLISHES, "publish, yank, release")
CARGO.does(ACCOUNT, "This uses an account at the registry.", "login, logout, owner")
CARGO.reader("update, vendor, generate-lockfile, new, init")(lambda given, reading: reading.doubt())
CARGO.starts("run, r")
CARGO.option("install, add", "--git --registry --index", ELSEWHERE, "This does not come from the usual registry.")
CARGO.reader("install, binstall, install-update")(lambda given, reading: installs(given, reading, whole=True))


@CARGO.always
def _cargo_settings(given: Given, reading: Reading) -> None:
    for value in given.arguments.values("--config"):
        run_unread(reading, value)


GO = Program(
    "go",
    values="-C -o -run -bench -count -timeout -tags -ldflags -gcflags -p -mod -modfile -exec "
    "-toolexec -coverprofile "
    "-covermode -cpu -cpuprofile -memprofile -vettool -fuzz -fuzztime -parallel -pkgdir -overlay -benchtime",
    single_dash=True,
    helps="-h -help --help",
)
GO.reads(
    "list, version, doc, help, mod graph, mod why, mod verify, mod download, env, bug, tool pprof, tool "
    "cover, tool nm, "
    "tool objdump, telemetry"
)
GO.does(PROJECT, _TESTS, "test")
GO.does(PROJECT, _CHECKS, "vet, fmt, fix")
GO.does(BUILDS, _BUILDS, "build, tool")
GO.does(PROJECT_TASK, "This runs the commands that the project's code names.", "generate")
GO.does(
    KEEPS,
    "This changes what the project is built from, or what go keeps.",
    "mod tidy, mod init, mod vendor, mod edit, clean, work, work init, work use, work sync, work edit",
)
GO.option(
    "test, build, run, vet, install, generate, list",
    "-exec -toolexec -vettool -overlay",
    PROJECT_RISKY,
    "This starts another program on the way.",
)
GO.reader("get, install")(lambda given, reading: installs(given, reading, whole=True))
GO.option("env", "-w -u", SOURCES, "This changes go's settings for good.")
GO.reader("mod tidy, mod vendor, mod edit, work, work use, work edit, work sync")(
    lambda given, reading: reading.doubt()
)
GO.starts("run")


@GO.reader("run")
def _go_run(given: Given, reading: Reading) -> None:
    if given.operands and "@" in given.operands[0].text:
        given.note(reading, RUNS, "This downloads {what} and runs it.")
    else:
        given.note(reading, PROJECT_TASK, "This runs the project's program {what}, which has not been read.")


MAVEN = Program(
    "mvn",
    "mvnw",
    "mvnd",
    values="-f --file -s --settings -P --activate-profiles -pl --projects -T -D -rf",
    single_dash=True,
    helps="--help -h --version -v -version",
)
GRADLE = Program(
    "gradle",
    "gradlew",
    values="-p --project-dir -b --build-file -c -I --init-script -x --exclude-task -g --tests --max-workers",
    helps="--help -h --version -v -? --status",
    dry_run="-m",
)


@MAVEN.reader("")
@GRADLE.reader("")
def _goals(given: Given, reading: Reading) -> None:
    if given.has("-I", "--init-script", "-s", "--settings"):
        run_unread(reading, "the script or the settings that are named", given.line)
    reads = {"dependencies", "tasks", "projects", "properties", "help"}
    for word in given.operands[:20]:
        goal = word.text.rpartition(":")[2] if word.known else ""
        if word.known and (word.text.startswith(("dependency:tree", "help:", "versions:display")) or goal in reads):
            reading.doubt()
        elif goal in (
            "clean",
            "package",
            "install",
            "assemble",
            "compile",
            "jar",
            "war",
            "bootJar",
            "classes",
            "publishToMavenLocal",
        ):
            reading.add(BUILDS, _BUILDS, word.line)
        else:
            runs_task(word, given.command, reading)
    if not given.operands and given.arguments.options:
        reading.doubt()


DOTNET = Program(
    "dotnet",
    values="-c --configuration -o --output -f --framework -r --runtime -s --source "
    "--project -v --verbosity "
    "-k --api-key --filter --logger -n --name --version",
    helps="--help -h --version --info --list-sdks --list-runtimes",
)
DOTNET.reads(
    "list, list package, list reference, package list, package search, reference list, sln list, nuget "
    "locals --list, help, "
    "tool list, new list, workload list, workload search, ef migrations list, ef dbcontext info, ef "
    "dbcontext list, "
    "ef migrations script, nuget list source"
)
DOTNET.does(PROJECT, _TESTS, "test, vstest, watch, watch test")
DOTNET.does(PROJECT, _CHECKS, "format")
DOTNET.does(
    BUILDS,
    _BUILDS,
    "build, publish, pack, msbuild, build-server, ef dbcontext scaffold, ef migrations add, "
    "ef migrations remove, ef migrations bundle",
)
DOTNET.does(
    PROJECT_TASK, "This runs the project's program, which has not been read.", "run, exec, script, tool run, fsi, csi"
)
DOTNET.does(
    KEEPS,
    "This changes project files, or what the tool keeps.",
    "new, sln, sln add, sln remove, clean, "
    "nuget locals, "
    "dev-certs, add reference, remove reference, reference add, reference remove, solution",
)
DOTNET.does(
    INSTALLS,
    "This installs packages or tools: {what|those of the project}.",
    "restore, add package, "
    "package add, tool install, "
    "tool update, tool restore, workload install, workload update, workload restore, new install, add",
)
DOTNET.option(
    "restore, add package, tool install, package add",
    "-s --source --add-source",
    ELSEWHERE,
    "This takes packages from elsewhere.",
)
DOTNET.does(
    UNINSTALLS, _REMOVES, "remove package, package remove, tool uninstall, workload uninstall, new uninstall, remove"
)
DOTNET.does(PUBLISHES, _PUBLISHES, "nuget push, nuget delete")
DOTNET.does(
    SOURCES,
    "This changes which sources of packages are trusted.",
    "nuget add source, nuget remove source, "
    "nuget update source, nuget enable source, nuget disable source, nuget trust",
)
DOTNET.does(ACCOUNT, "This reads or changes secrets.", "user-secrets, user-secrets set, user-secrets list")
DOTNET.reader("new, sln, sln add, add reference, reference add")(lambda given, reading: reading.doubt())
DOTNET.starts("run, exec, tool run")

NUGET = Program("nuget", values="-Source -OutputDirectory -Version -ApiKey", single_dash=True, helps="-Help -help help")
NUGET.reads("list, search, locals, verify, spec")
NUGET.reader("install, restore, update")(lambda given, reading: installs(given, reading, whole=True))
NUGET.does(PUBLISHES, _PUBLISHES, "push, delete, add, sign")
NUGET.does(SOURCES, "This changes sources or keys.", "sources, setapikey, setApiKey, config, trusted-signers")
NUGET.does(BUILDS, _BUILDS, "pack")

GEM = Program("gem", values="-s --source -v --version -i --install-dir -n", helps="--help -h")
GEM.reads("")
GEM.reads(
    "list, search, info, query, specification, contents, dependency, environment, env, which, outdated, "
    "help, stale, check, fetch"
)


@GEM.reader("install, i, update")
def _gem_installs(given: Given, reading: Reading) -> None:
    registry(given, reading, "-s --source")
    installs(given, reading, whole=True)


GEM.does(UNINSTALLS, _REMOVES, "uninstall, cleanup, pristine")
GEM.does(PUBLISHES, _PUBLISHES, "push, yank, owner")
GEM.does(SOURCES, "This changes sources or keys: {what}.", "sources, cert, signin, signout")
GEM.does(BUILDS, _BUILDS, "build, rdoc, unpack, lock")
BUNDLE = Program("bundle", "bundler", values="--path --gemfile -j --jobs", helps="--help -h --version -v")
BUNDLE.reads(
    "list, show, info, check, outdated, platform, viz, licenses, doctor, version, help, env, config list, config get"
)
BUNDLE.reader("install, update, add, lock, cache, package, pristine, inject, plugin, plugin install, ")(
    lambda given, reading: installs(given, reading, whole=True)
)
BUNDLE.does(UNINSTALLS, _REMOVES, "remove, clean")
BUNDLE.does(
    KEEPS,
    "This changes bundler's settings: {what}.",
    "config, config set, config unset, init, gem, binstubs, open",
    MEDIUM,
)
BUNDLE.starts("exec, e")


@BUNDLE.reader("exec, e")
def _bundle_exec(given: Given, reading: Reading) -> None:
    reading.doubt()
    if given.operands:
        read_command(replace(given.command, words=given.operands), reading)


COMPOSER = Program("composer", values="-d --working-dir", dry_run="--dry-run", helps="--help -h --version -V")
COMPOSER.reads(
    "show, info, outdated, validate, audit, depends, why, prohibits, why-not, diagnose, licenses, "
    "search, status, home, "
    "suggests, fund, list, about, check-platform-reqs, help"
)
COMPOSER.reader(
    "install, i, update, u, upgrade, require, r, create-project, global require, global update, "
    "self-update, "
    "selfupdate, reinstall"
)(lambda given, reading: installs(given, reading, whole=True))
COMPOSER.does(UNINSTALLS, _REMOVES, "remove, rm, uninstall, global remove")
COMPOSER.does(
    KEEPS,
    "This changes what composer keeps.",
    "dump-autoload, dumpautoload, clear-cache, clearcache, archive, init, normalize, bump, browse",
)
COMPOSER.does(SOURCES, "This changes composer's settings: {what}.", "config, global config, repository")
COMPOSER.starts("run-script, run, exec")
COMPOSER.option("install, update, require", "--no-plugins --no-scripts", KEEPS, "Install scripts do not run.")


@COMPOSER.reader("run-script, run, exec, ")
def _composer_script(given: Given, reading: Reading) -> None:
    runs_task(given.operands[0] if given.operands else None, given.command, reading, kind="script")


@program(
    *word_set(
        "cpan cpanm luarocks opam hex pub pod carthage conan vcpkg spack R-packages raco elm bower jspm tlmgr "
        "helm-plugin krew gh-extension code cursor codium"
    )
)
def _others(command: Command, reading: Reading) -> None:
    texts = [word.text for word in command.arguments]
    words = [text for text in texts if not text.startswith("-")]
    verb = words[0] if words else ""
    if command.name in ("code", "cursor", "codium"):
        if "--install-extension" in texts:
            reading.add(INSTALLS, "This installs an extension of the editor.", command.line)
        elif "--list-extensions" not in texts and "--version" not in texts:
            reading.add(KEEPS, "This opens the editor.", command.line)
            reading.doubt()
    elif verb in ("list", "search", "show", "info", "outdated", "help", "--version", "which", "env", "switch list"):
        return
    elif verb in ("publish", "push", "upload", "trunk"):
        reading.add(PUBLISHES, "This publishes a package; others get it.", command.line)
    elif verb in ("remove", "uninstall", "delete"):
        reading.add(UNINSTALLS, "This removes packages.", command.line)
    elif verb in ("make", "build", "test", "reactor"):
        reading.add(BUILDS, _BUILDS, command.line)
    else:
        named: list[Word] = [word for word in command.arguments if word.text in words[1:]]
        shown = ", ".join(word.display for word in named[:3]) or "packages"
        reading.add(INSTALLS, f"This installs {shown}; their install scripts run.", command.line)
