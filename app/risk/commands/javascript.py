"""Package managers of JavaScript, and what they run."""

from __future__ import annotations

from dataclasses import replace

from app.risk.commands.package_rules import (
    ACCOUNT,
    BUILDS,
    INSTALLS,
    KEEPS,
    PROJECT,
    PROJECT_TASK,
    PUBLISHES,
    RUNS,
    SOURCES,
    UNINSTALLS,
    installs,
    registry,
    runs_package,
    runs_task,
)
from app.risk.commands.subcommands import Given, Program
from app.risk.commands.table import Command, program, read_command
from app.risk.effects import Act, act_on, run_unread
from app.risk.reading import Reading
from app.risk.words import Word

_REMOVES = "This removes {what|packages}."
_BUILDS = "This builds the project; its build steps have not been read."
_PUBLISHES = "This publishes {what|the package}, or withdraws it; others get it."


@program("uvx", "npx", "bunx", "pnpx")
def _run_at_once(command: Command, reading: Reading) -> None:
    values = "-p --package -c --call --with --from --python --index --index-url --cache --userconfig -w --workspace"
    given = Program.split(command.arguments, values)
    if call := given.value("-c", "--call"):
        reading.read("shell", call.text, call.line, fixed=True)
    for package in given.values("-p", "--package", "--with", "--from"):
        reading.add(RUNS, f"This takes {package.display} from the registry for this run.", package.line)
    runs_package(given.operands, command, reading)


NPM = Program(
    "npm",
    "pnpm",
    "cnpm",
    "yarn",
    "bun",
    values="--prefix -C --dir --cwd --registry -w --workspace -F --filter --tag --otp --userconfig --cache --loglevel "
    "--omit --include --only --script-shell --access -c --call --package -p",
    dry_run="--dry-run",
    helps="--help -h --version -v -V -?",
)
NPM.takes("run, run-script, test", "-w --workspace -F --filter --prefix -C --cwd --dir")
NPM.reads(
    "ls, list, ll, la, outdated, view, info, show, v, search, s, find, explain, why, fund, ping, help, root, "
    "prefix, bin, "
    "audit, docs, home, bugs, repo, doctor, query, sbom, config get, config list, config ls, get, whoami, owner ls, "
    "owner list, dist-tag ls, dist-tag list, team ls, access list, profile get, licenses, versions, version-check, "
    "cache ls, cache verify, pm ls, pm bin, pm cache, store path, store status, licenses list, npm info, npm audit, "
    "workspaces list, workspaces info, workspaces, global list, exec --help, diff, completion, cache dir, "
    "token list, hook ls, org ls, pkg get, stars, help-search, audit signatures"
)
NPM.reader(
    "install, i, in, ci, add, clean-install, install-test, it, cit, update, up, upgrade, rebuild, rb, "
    "dedupe, ddp, "
    "link, ln, import, fetch, global add, audit fix, upgrade-interactive, up-interactive, set version, "
    "plugin import, patch-commit, approve-builds, self-update, env, deploy, pm trust"
)(lambda given, reading: _js_installs(given, reading))
NPM.does(UNINSTALLS, _REMOVES, "uninstall, un, remove, rm, r, unlink, prune, global remove, autoclean")
NPM.does(
    PUBLISHES,
    _PUBLISHES,
    "publish, unpublish, deprecate, undeprecate, dist-tag add, dist-tag rm, npm publish, npm tag, stage",
)
NPM.does(
    ACCOUNT,
    "This uses or changes an account at the registry.",
    "login, logout, adduser, add-user, token, "
    "token create, "
    "token revoke, owner, owner add, owner rm, access, team, profile, profile set, org, hook, star, unstar, "
    "npm login, npm logout, trust",
)
NPM.does(
    SOURCES,
    "This changes npm's settings, which may name another registry or shell: {what}.",
    "config, config set, config delete, config edit, set, config fix, c",
)
NPM.does(
    KEEPS,
    "This changes what the package manager keeps: {what}.",
    "cache, cache clean, cache add, shrinkwrap, store prune, create-workspace, pm cache rm, pkg fix",
)
NPM.does(BUILDS, _BUILDS, "build")


def _js_installs(given: Given, reading: Reading) -> None:
    registry(given, reading, "--registry --script-shell")
    installs(given, reading, whole=True)


NPM.starts("run, run-script, rum, urn, x, exec, dlx, create, init, node, test, t, tst, start, stop, restart")
NPM.takes("x, exec, dlx", "-p --package -c --call -w --workspace --prefix -C")


@NPM.reader(
    "run, run-script, rum, urn, test, t, tst, start, stop, restart, workspace, workspaces run, workspaces foreach, "
    "foreach"
)
def _script(given: Given, reading: Reading) -> None:
    words = given.operands
    if given.name in ("run", "run-script", "rum", "urn"):
        if not words and not given.has("-r"):
            return  # lists the scripts
        if words and given.command.name == "bun" and words[0].text.endswith((".ts", ".js", ".tsx", ".mjs")):
            run_unread(reading, words[0])
            return
        runs_task(words[0] if words else None, given.command, reading, kind="script")
    elif given.name in ("workspace", "workspaces run", "workspaces foreach", "foreach"):
        runs_task(words[-1] if words else None, given.command, reading, kind="script")
    else:
        given.note(reading, PROJECT, f"This runs the project's script {given.name}, which has not been read.")


@NPM.reader("pkg set, pkg delete, pkg fix, version, pack, patch")
def _package_file(given: Given, reading: Reading) -> None:
    """Read what changes the project's package file, whose scripts run later, or runs its scripts now."""
    if given.name.startswith("pkg"):
        act_on(reading, Act.WRITE, Word("package.json", given.line))
    else:
        given.note(reading, PROJECT, f"This runs the project's scripts for {given.name}.")


@NPM.reader("x, exec, dlx, create, init, node")
def _exec(given: Given, reading: Reading) -> None:
    if call := given.value("-c", "--call"):
        reading.read("shell", call.text, call.line, fixed=True)
    if given.name == "node":
        read_command(replace(given.command, words=[Word("node", given.line), *given.operands]), reading)
    elif given.name in ("create", "init"):
        if not given.operands:
            act_on(reading, Act.CREATE, Word("package.json", given.line))
        else:
            given.note(reading, RUNS, "This takes the template {what} from the registry, and runs it.")
    else:
        for package in given.arguments.values("-p", "--package"):
            reading.add(RUNS, f"This takes {package.display} from the registry for this run.", package.line)
        runs_package(given.operands, given.command, reading)


@NPM.reader("")
def _no_subcommand(given: Given, reading: Reading) -> None:
    """Read ``yarn`` alone, which installs, and ``yarn test`` and the like, which run scripts."""
    if given.operands:
        words = given.operands
        if given.command.name in ("yarn", "pnpm", "bun"):
            if words[0].text.endswith((".ts", ".js", ".tsx", ".mjs")):
                run_unread(reading, words[0])
            else:
                runs_task(words[0], given.command, reading, kind="script")
        else:
            given.note(reading, PROJECT_TASK, "What npm {what} does is not known.")
    elif given.command.name == "yarn":
        given.note(reading, INSTALLS, "This installs the packages that the project names; their install scripts run.")


@program("deno")
def _deno(command: Command, reading: Reading) -> None:
    words = [word for word in command.arguments if not word.text.startswith("-")]
    verb = words[0].text if words else "repl"
    if verb in ("fmt", "lint", "check", "test", "bench", "doc", "compile", "bundle", "coverage"):
        reading.add(PROJECT, f"This runs the project's own code or tools: deno {verb}.", command.line)
    elif verb in ("info", "help", "types", "completions", "outdated"):
        return
    elif verb == "task":
        runs_task(words[1] if len(words) > 1 else None, command, reading)
    elif verb in ("install", "add", "cache", "upgrade", "vendor", "jupyter", "init"):
        reading.add(INSTALLS, "This installs packages or programs.", command.line)
    elif verb in ("uninstall", "remove", "clean"):
        reading.add(UNINSTALLS, "This removes packages or programs.", command.line)
    elif verb == "publish":
        reading.add(PUBLISHES, "This publishes the package.", command.line)
    elif verb == "eval" and len(words) > 1:
        reading.read("javascript", words[1].text, command.line, fixed=True)
    else:
        run_unread(reading, words[-1] if words else command.words[0])
