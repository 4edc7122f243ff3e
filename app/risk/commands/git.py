"""git: what its subcommands do to work, to history, and to what others have."""

from __future__ import annotations

from dataclasses import replace

from app.risk.commands.git_settings import RUNS_CODE, read_config, read_global
from app.risk.commands.subcommands import Given, Program
from app.risk.commands.table import read_command
from app.risk.effects import Act, act_on, run_unread
from app.risk.reading import Reading
from app.risk.rules import declare
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

LOCAL = declare(
    "git.local", LOW, "Changes the local repository in a way that can be taken back.", "git add -A", "git status",
    language="shell",
)  # fmt: skip
CHANGES = declare(
    "git.changes_files", MEDIUM, "Changes files in the working folder to other versions.", "git merge feature/x",
    "git diff feature/x", language="shell", unread=True,
)  # fmt: skip
FETCHES = declare(
    "git.fetches", LOW, "Fetches what others have shared.", "git fetch origin", "git log origin/main", language="shell"
)
CLONES = declare(
    "git.clones", MEDIUM, "Copies a repository from another machine.", "git clone https://git.example.com/shop.git",
    "git remote -v", language="shell", unread=True,
)  # fmt: skip
LOSES = declare(
    "git.loses_work", HIGH, "Throws away changes, or commits that nothing else keeps.", "git reset --hard HEAD~3",
    "git reset --soft HEAD~3", language="shell",
)  # fmt: skip
REWRITES = declare("git.rewrites", MEDIUM, "Rewrites commits.", "git rebase main", "git log main", language="shell")
REWRITES_ALL = declare(
    "git.rewrites_history", HIGH, "Rewrites or throws away the history.", "git filter-branch --all",
    "git rev-list --all", language="shell",
)  # fmt: skip
PUSHES = declare(
    "git.pushes", MEDIUM, "Shares commits with others.", "git push origin feature/x", "git push --dry-run",
    language="shell",
)  # fmt: skip
FORCES = declare(
    "git.force_push", HIGH, "Overwrites what others have shared.", "git push --force origin main",
    "git push origin main", language="shell",
)  # fmt: skip
DELETES_SHARED = declare(
    "git.push_deletes", HIGH, "Deletes branches or tags that are shared.", "git push origin --delete feature/x",
    "git push origin feature/x", language="shell",
)  # fmt: skip
SKIPS = declare(
    "git.skips_checks", MEDIUM, "Skips the project's checks.", "git commit --no-verify -m x", "git commit -m x",
    language="shell",
)  # fmt: skip

GIT = Program(
    "git",
    values="-C -c --git-dir --work-tree --namespace --exec-path --config-env --super-prefix "
    "--attr-source --upload-pack --receive-pack --exec --format "
    "--pretty --author --grep --since --until --before --after --strategy --sort",
    helps="--help --version --html-path --man-path --info-path",
)
GIT.always(read_global)
GIT.reads(
    "status, log, diff, show, blame, annotate, shortlog, describe, rev-parse, rev-list, ls-files, ls-tree, cat-file, "
    "show-ref, for-each-ref, name-rev, merge-base, diff-tree, diff-index, diff-files, range-diff, cherry, whatchanged, "
    "count-objects, fsck, verify-commit, verify-tag, verify-pack, var, version, help, show-branch, check-ignore, "
    "check-attr, check-mailmap, check-ref-format, get-tar-commit-id, stash list, stash show, reflog, reflog show, "
    "reflog exists, worktree list, submodule status, submodule summary, notes list, notes show, bisect log, "
    "bisect view, bundle verify, bundle list-heads, lfs ls-files, lfs status, lfs env, lfs logs, grep, archive, "
    "merge-tree, patch-id, interpret-trailers, column, stripspace, request-pull, sparse-checkout list, remote, "
    "remote show, remote get-url, branch, tag, config, ls-remote, diff-pairs, show-index, fmt-merge-msg, "
    "for-each-repo-list, bugreport, diagnose, symbolic-ref, hash-object, mktree, commit-tree, write-tree, flow version"
)
GIT.takes(
    "log, show, diff, blame, rev-list, shortlog, whatchanged",
    "-n --format --pretty --author --grep --since -L -S -G -O",
)
GIT.does(
    LOCAL, "This changes the local repository: {what|the working copy}.",
    "add, stage, mv, stash, stash push, stash save, stash create, stash store, notes add, notes append, notes edit, "
    "notes copy, init, remote add, remote rename, remote update, worktree add, worktree lock, worktree unlock, "
    "worktree move, worktree repair, sparse-checkout set, sparse-checkout add, sparse-checkout init, "
    "sparse-checkout reapply, sparse-checkout disable, bundle create, pack-refs, repack, pack-objects, unpack-objects, "
    "index-pack, multi-pack-index, commit-graph, prune-packed, maintenance run, maintenance register, rerere, "
    "bisect start, bisect good, bisect bad, bisect new, bisect old, bisect skip, bisect reset, update-index, "
    "read-tree, checkout-index, lfs track, lfs untrack, lfs install, lfs lock, lfs unlock, format-patch, revert, "
    "branch --list, mergetool, difftool, apply --check, credential-cache exit, lfs fetch, lfs checkout",
)  # fmt: skip
GIT.does(
    FETCHES, "This fetches commits from {what|the usual remote}.", "fetch, lfs pull, svn fetch, ls-remote, fetch-pack"
)
GIT.does(
    CHANGES, "This changes files in the working folder to other versions: {what|of the usual branch}.",
    "merge, cherry-pick, am, apply, pull, stash pop, stash apply, stash branch, subtree add, subtree merge, "
    "subtree pull, submodule update, submodule add, submodule init, submodule sync, submodule set-url, "
    "submodule set-branch, submodule absorbgitdirs, merge-file, merge-index, svn rebase, p4 sync, fast-import, "
    "replace, lfs migrate info",
)  # fmt: skip
GIT.does(CLONES, "This copies the repository {what}.", "clone, svn clone, svn init, p4 clone, cvsimport")
GIT.does(REWRITES, "This rewrites commits: {what|of the current branch}.", "rebase, flow, history, replay")
GIT.does(
    REWRITES_ALL, "This rewrites or throws away history.",
    "filter-branch, filter-repo, reflog expire, reflog delete, prune, update-ref, lfs migrate import, "
    "lfs migrate export, lfs prune, replace --delete, notes prune, gc --prune",
)  # fmt: skip
GIT.does(LOCAL, "This repacks the repository.", "gc")
GIT.option("gc", "--prune", REWRITES_ALL, "This throws away what could have been recovered.")
GIT.does(LOSES, "This throws away stashed changes: {what|all of them}.", "stash drop, stash clear")
GIT.does(
    PUSHES, "This shares commits with {what|the usual remote}.", "push, svn dcommit, lfs push, p4 submit, subtree push"
)
GIT.does(PUSHES, "This sends mail with patches.", "send-email, imap-send")
GIT.does(LOSES, "This deletes notes: {what}.", "notes remove, notes merge")
GIT.does(LOCAL, "This takes the remote {what} out of the settings.", "remote remove, remote rm, remote prune", MEDIUM)
GIT.does(LOCAL, "This changes which commits belong to {what|a branch}.", "remote set-head, remote set-branches", LOW)
GIT.does(
    RUNS_CODE, "This lets git start programs or serve the repository.",
    "daemon, instaweb, credential, credential-store, credential-cache, upload-pack, receive-pack, upload-archive, "
    "http-backend, shell, cvsserver, maintenance start, hook run, for-each-repo",
)  # fmt: skip
GIT.option("grep", "-O --open-files-in-pager", RUNS_CODE, "This opens what is found with a program.")
GIT.option("diff, log, show", "--ext-diff", RUNS_CODE, "This runs the program that the settings name.")
GIT.option("fetch, pull, ls-remote, clone", "--upload-pack --exec", RUNS_CODE, "This runs a program on the other side.")
GIT.option("clone", "-u", RUNS_CODE, "This runs a program on the other side.")
GIT.option("archive", "--remote --exec", RUNS_CODE, "This asks another machine for the archive.", MEDIUM)
GIT.option("commit, push, merge, am, rebase", "--no-verify", SKIPS, "This skips the project's checks before it.")
GIT.takes("archive, format-patch, bundle create", "-o --output --output-directory --format --prefix --remote --exec")
GIT.option("fetch, pull", "-f --force", LOCAL, "This overwrites local branches or tags.", MEDIUM)
GIT.option("rebase", "--exec -x", RUNS_CODE, "This runs a command after every commit.")
GIT.option("worktree remove", "-f --force", LOSES, "This throws away changes in the work tree {what}.")
GIT.does(LOCAL, "This removes the work tree {what}.", "worktree remove, worktree prune", MEDIUM)
GIT.option("submodule update, submodule add", "--remote", CLONES, "This takes in the newest commits of others.")
GIT.option("filter-repo, filter-branch", "--analyze", REWRITES, "This looks at the whole history.")
GIT.option("apply, am", "--unsafe-paths", LOSES, "This changes files outside the working folder.")
GIT.dry_run("push, fetch, add, commit, mv, rm, clean, stash, submodule", "--dry-run")
GIT.dry_run("push, add, mv, rm, clean", "-n")
GIT.reader("config")(read_config)

_LISTS = (
    "-l", "--list", "--contains", "--no-contains", "--merged", "--no-merged", "-a", "-r", "--all", "--remotes",
    "--show-current", "--points-at",
)  # fmt: skip
_OVER = ("-f", "--force", "-C", "-M")


@GIT.reader("diff, log, show, format-patch, shortlog, archive, bundle create")
def _writes_output(given: Given, reading: Reading) -> None:
    output = given.value("--output", "-o", "--output-directory")
    if output is not None:
        act_on(reading, Act.WRITE, output)


@GIT.reader("show, cat-file, diff, blame, log, grep, annotate")
def _reads_file(given: Given, reading: Reading) -> None:
    for word in given.operands:
        path = word.text.partition(":")[2] or word.text
        act_on(reading, Act.READ, word.with_text(path))


@GIT.reader("branch")
def _branch(given: Given, reading: Reading) -> None:
    if given.has("-D") or (given.has("-d", "--delete") and given.has("-f", "--force")):
        given.note(reading, LOSES, "This deletes the branch {what}, with commits that no other branch may have.")
    elif given.has("-d", "--delete"):
        given.note(reading, LOCAL, "This deletes the merged branch {what}.", MEDIUM)
    elif given.has("--edit-description"):
        given.note(reading, LOCAL, "This describes a branch.")
    elif given.operands and not given.exactly(*_LISTS):
        level = MEDIUM if given.has(*_OVER) else LOW
        given.note(reading, LOCAL, "This makes, moves, or renames the branch {what}.", level)


@GIT.reader("tag")
def _tag(given: Given, reading: Reading) -> None:
    if given.has("-d", "--delete"):
        given.note(reading, LOCAL, "This deletes the tag {what}.", MEDIUM)
    elif given.operands and not given.exactly("-l", "--list", "-n", "--contains", "--points-at", "-v", "--verify",
                                          "--merged", "--no-merged", "--no-contains"):  # fmt: skip
        level = MEDIUM if given.has("-f", "--force") else LOW
        given.note(reading, LOCAL, "This makes the tag {what}.", level)
        written = given.has("-m", "--message", "-F", "--file")
        edits = given.has("-e", "--edit") or (given.has("-a", "--annotate") and not written)
        if edits or given.has("-s", "--sign", "-u", "--local-user"):
            reading.doubt()  # the settings name the editor, and the program that signs


GIT.takes("commit", "-m --message -F --file -C -c --reuse-message --author --date -t --template --fixup --squash "
          "--trailer --cleanup --pathspec-from-file")  # fmt: skip


@GIT.reader("commit, citool")
def _commit(given: Given, reading: Reading) -> None:
    reading.doubt()  # hooks may run
    if given.has("--amend"):
        given.note(reading, REWRITES, "This replaces the last commit.")
    else:
        given.note(reading, LOCAL, "This makes a commit.")
    if given.has("-n"):
        given.note(reading, SKIPS, "This skips the project's checks before it.")
    if file := given.value("-F", "--file"):
        act_on(reading, Act.READ, file)


GIT.takes("checkout, switch", "-b -B -c -C --orphan --conflict --pathspec-from-file")


@GIT.reader("checkout")
def _checkout(given: Given, reading: Reading) -> None:
    reading.doubt()  # hooks may run, and what is checked out may run later
    words = given.command.arguments
    paths = any(word.text == "--" for word in words) or given.has("-p", "--patch", "--ours", "--theirs")
    paths = paths or any(text in (".", "*", ":/", "./") for text in given.texts) or len(given.operands) > 1
    fresh = given.value("-b", "-B", "--orphan")
    if given.has("-f", "--force") or (paths and not fresh):
        given.note(reading, LOSES, "This throws away changes in {what|the working folder}.")
    elif given.value("-B"):
        given.note(reading, LOCAL, "This moves a branch to another commit.", MEDIUM)
    else:
        given.note(reading, LOCAL, "This switches to {what|another branch}.")


@GIT.reader("switch")
def _switch(given: Given, reading: Reading) -> None:
    reading.doubt()
    if given.has("-f", "--force", "--discard-changes"):
        given.note(reading, LOSES, "This throws away changes in the working folder.")
    else:
        level = MEDIUM if given.value("-C") else LOW
        given.note(reading, LOCAL, "This switches to {what|another branch}.", level)


GIT.takes("restore", "-s --source --pathspec-from-file")


@GIT.reader("restore")
def _restore(given: Given, reading: Reading) -> None:
    if given.exactly("--staged", "-S") and not given.has("--worktree", "-W"):
        given.note(reading, LOCAL, "This takes {what} out of the next commit.")
    else:
        given.note(reading, LOSES, "This throws away changes in {what}.")


@GIT.reader("reset")
def _reset(given: Given, reading: Reading) -> None:
    if given.has("--hard", "--merge", "--keep"):
        words = "This throws away all changes since {what|the last commit}, also those that are not committed."
        given.note(reading, LOSES, words)
    else:
        given.note(reading, LOCAL, "This takes changes out of the next commit, or commits off the branch.")


GIT.takes("clean", "-e --exclude")


@GIT.reader("clean")
def _clean(given: Given, reading: Reading) -> None:
    more = ", ignored ones such as settings and secrets included" if given.has("-x", "-X") else ""
    given.note(reading, LOSES, f"This deletes all files that are not in version control{more}.")


@GIT.reader("rm")
def _remove(given: Given, reading: Reading) -> None:
    if given.exactly("--cached"):
        given.note(reading, LOCAL, "This takes {what} out of version control.")
        return
    for word in given.operands:
        many = given.has("-r") or word.glob or "*" in word.text
        level = HIGH if many or given.has("-f", "--force") else MEDIUM
        reading.add(LOSES, f"This deletes {word.display}; committed versions are kept.", word.line, level)


GIT.option("init", "--template", RUNS_CODE, "This takes hooks from a template.")
GIT.option("checkout-index", "-f --force -a --all", LOSES, "This overwrites files of the working folder.")
GIT.option("read-tree", "-u --reset -m", LOSES, "This overwrites files of the working folder.")


@GIT.reader("mv, bundle create")
def _named_files(given: Given, reading: Reading) -> None:
    for word in given.operands[:1] if given.name == "bundle create" else given.operands[-1:]:
        act_on(reading, Act.WRITE, word)


GIT.takes("tag", "-m --message -F --file -u --local-user --cleanup --trailer --sort --format --points-at")
GIT.takes("notes add, notes append, notes edit", "-m --message -F --file -C --reuse-message -c --reedit-message --ref")


@GIT.reader("notes add, notes append, notes edit, add, stage, branch")
def _edits(given: Given, reading: Reading) -> None:
    if given.name.startswith("notes "):
        edits = not given.has("-m", "-F", "-C", "--message", "--file", "--reuse-message")
    else:
        edits = given.has("--edit-description") or (given.name != "branch" and given.has("-e", "--edit"))
    if edits:
        reading.doubt()  # the settings name the editor


@GIT.reader(
    "push, lfs install, revert, maintenance run, worktree add, lfs checkout, bisect start, bisect good, bisect bad, "
    "bisect reset"
)
def _hooks(given: Given, reading: Reading) -> None:
    reading.doubt()  # hooks may run, or files become what others have written


@GIT.reader("symbolic-ref, hash-object, ls-remote, credential-store")
def _plumbing(given: Given, reading: Reading) -> None:
    if given.name == "symbolic-ref" and (len(given.operands) > 1 or given.has("-d", "--delete")):
        given.note(reading, LOCAL, "This moves a name to another branch.", MEDIUM)
    elif given.name == "hash-object" and given.has("-w"):
        given.note(reading, LOCAL, "This stores an object.")


GIT.starts("bisect run, submodule foreach, filter-branch")


@GIT.reader("bisect run, submodule foreach")
def _runs(given: Given, reading: Reading) -> None:
    if not given.operands:
        return
    if len(given.operands) == 1 and " " in given.operands[0].text and given.operands[0].known:
        reading.read("shell", given.operands[0].text, given.operands[0].line, fixed=True)
    else:
        read_command(replace(given.command, words=given.operands), reading)


@GIT.reader("rebase")
def _rebase(given: Given, reading: Reading) -> None:
    reading.doubt()
    for value in given.arguments.values("--exec", "-x"):
        reading.read("shell", value.text, value.line, fixed=True, within="After every commit: ")


@GIT.reader("filter-branch")
def _filter(given: Given, reading: Reading) -> None:
    filters = [value for option, value in given.arguments.options if option.endswith("-filter") and value]
    for value in filters:
        reading.read("shell", value.text, value.line, fixed=True, within="For every commit: ")


GIT.takes("filter-branch", "--index-filter --tree-filter --msg-filter --env-filter --parent-filter --commit-filter "
          "--tag-name-filter --subdirectory-filter --setup -d --original --state-branch")  # fmt: skip
GIT.takes("rebase", "-x --exec --onto -s --strategy -X -C")


@GIT.reader("flow, mergetool, difftool")
def _tools(given: Given, reading: Reading) -> None:
    reading.doubt()  # the settings name the tool
    if given.has("-x", "--extcmd", "-t", "--tool"):
        run_unread(reading, "the tool that is named", given.line)
