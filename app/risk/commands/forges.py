"""Command lines of code hosts (gh, glab), and version control other than git."""

from __future__ import annotations

import re
from dataclasses import replace

from app.risk.commands.git import CHANGES, CLONES, FETCHES, FORCES, LOCAL, LOSES, PUSHES, REWRITES, REWRITES_ALL
from app.risk.commands.sending import is_secret
from app.risk.commands.subcommands import Given, Program
from app.risk.commands.table import Command, program, read_command
from app.risk.effects import SENDS_SECRET, run_unread
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.words import Word
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

SHARES = declare(
    "forge.shares",
    MEDIUM,
    "Creates or changes something that others see: issues, pull requests, comments.",
    "gh pr create --fill",
    "gh pr list",
    language="shell",
)
MERGES = declare(
    "forge.merges",
    HIGH,
    "Merges or publishes: a pull request, a release, a deployment.",
    "gh pr merge 7",
    "gh pr view 7",
    language="shell",
)
SETTINGS = declare(
    "forge.settings",
    HIGH,
    "Changes secrets, keys, settings, or access of a code host.",
    "gh secret set TOKEN",
    "gh secret list",
    language="shell",
)
RUNS = declare(
    "forge.runs",
    HIGH,
    "Starts or changes what the build server runs.",
    "gh workflow run deploy.yml",
    "gh run list",
    language="shell",
)
DELETES = declare(
    "forge.deletes",
    HIGH,
    "Deletes something at a code host.",
    "gh release delete v1",
    "gh release list",
    language="shell",
)
DELETES_ALL = declare(
    "forge.deletes_repository",
    CRITICAL,
    "Deletes a repository, or hides it for good.",
    "gh repo delete acme/shop --yes",
    "gh repo view acme/shop",
    language="shell",
)

_VALUES = (
    "-R --repo -t --title -b --body -F --body-file -B --base -H --head -l --label -a --assignee -r --reviewer -m "
    "--milestone -L --limit "
    "-s --state -q --jq -T --template --json -S --search -e --env -o --org -u --user -X --method -f --raw-field "
    "--field --input --hostname "
    "-p --preview --cache -n --name -d --description -c --comment -w --workflow --ref -g --group --owner "
    "--visibility --source --remote --sort"
)
GH = Program(
    "gh", "glab", "hub", "tea", "bb", values=_VALUES, helps="--help --version", dry_run="--dry-run", objects=True
)
_LISTS = (
    "pr, issue, release, run, workflow, repo, gist, label, secret, variable, project, cache, ssh-key, "
    "gpg-key, org, ruleset, mr, ci, job, milestone, snippet, schedule, deploy-key, codespace, attestation"
)


def _under(nouns: str, verbs: str) -> str:
    return ", ".join(f"{noun.strip()} {verb.strip()}" for noun in nouns.split(",") for verb in verbs.split(","))


GH.reads(
    _under(
        _LISTS.replace("", ""),
        "list, view, status, diff, checks, ls, show, watch, logs, check, search, get, field-list, item-list, "
        "verify, trace, lint",
    )
    + ", status, search, search code, search issues, search prs, search repos, search commits, browse, version, "
    "help, auth status, config get, "
    "config list, extension list, alias list, completion, pr checks, user, repo search, issue board, ci get, ci "
    "artifact"
)
GH.does(
    SHARES,
    "This creates or changes something that others see: {what}.",
    _under(
        "pr, issue, mr, label, milestone, gist, snippet, project, discussion",
        "create, new, edit, update, comment, note, close, reopen, ready, review, "
        "lock, unlock, pin, unpin, transfer, develop, subscribe, unsubscribe, clone, copy, item-add, item-create, "
        "item-edit, item-archive, todo, "
        "link, unlink, field-create, mark-template, approve, revoke, for, board create, import",
    ),
)
GH.does(
    LOCAL,
    "This fetches commits or files: {what}.",
    "pr checkout, mr checkout, run download, release download, "
    "pr co, ci download, checkout, repo set-default, job artifact, co",
)
GH.does(CLONES, "This copies a repository: {what}.", "repo clone, repo fork, gist clone, clone, fork")
GH.does(
    MERGES,
    "This merges or publishes {what|the pull request of the branch}.",
    "pr merge, mr merge, mr accept, release create, release upload, "
    "release edit, pr update-branch, repo sync, pages, release update, pr revert, mr rebase, merge, release",
)
GH.does(
    SETTINGS,
    "This changes secrets, keys, settings, or access: {what}.",
    "secret set, secret remove, secret delete, variable set, variable delete, "
    "variable update, variable create, ssh-key add, ssh-key delete, gpg-key add, gpg-key delete, repo edit, repo "
    "deploy-key add, repo deploy-key delete, "
    "auth login, auth refresh, auth setup-git, auth switch, auth logout, deploy-key add, deploy-key delete, org "
    "invite, ruleset, repo rename, "
    "repo transfer, repo members, repo members add, token create, token revoke, token rotate, securefile, cluster, "
    "repo mirror, repo autolink create",
)
GH.does(SETTINGS, "This shows a token of the account.", "auth token")
GH.does(
    RUNS,
    "This starts or changes what the build server runs: {what}.",
    "workflow run, workflow enable, workflow disable, run rerun, run cancel, "
    "ci run, ci trigger, ci retry, ci cancel, ci delete, pipeline run, schedule create, schedule run, schedule "
    "delete, schedule update, job retry, "
    "job play, job cancel, ci create",
)
GH.does(
    RUNS,
    "This adds or runs code of others.",
    "extension install, extension upgrade, extension exec, extension remove, codespace create, codespace ssh, "
    "codespace code, copilot, agent-task create, codespace cp, codespace jupyter",
)
GH.does(
    DELETES,
    "This deletes {what}.",
    _under(
        "pr, issue, mr, label, gist, snippet, release, run, cache, project, milestone, codespace, schedule, runner",
        "delete, remove",
    )
    + ", release delete-asset, project item-delete, project field-delete, issue delete, cache delete --all, runner "
    "unregister",
)
GH.does(
    DELETES_ALL,
    "This deletes or hides the repository {what}, with its issues and history.",
    "repo delete, repo archive, group delete",
)
GH.does(
    SHARES,
    "This creates the repository {what}.",
    "repo create, repo new, create, repo unarchive, repo autolink, repo publish",
)
GH.option("pr merge, mr merge", "--admin", MERGES, "This merges although required checks or reviews are missing.")
GH.option("repo create, create, repo edit", "--public", SETTINGS, "This makes the repository public.")


@GH.reader("gist create, snippet create, gist new, release upload, release create")
def _uploads(given: Given, reading: Reading) -> None:
    for word in given.operands:
        if is_secret(word):
            reading.add(SENDS_SECRET, f"This publishes {word.display}, which holds secrets.", word.line)
    if given.command.input_from == "secret":
        reading.add(SENDS_SECRET, "This publishes secrets.", given.line)


@GH.reader("alias set, alias import")
def _alias(given: Given, reading: Reading) -> None:
    given.note(reading, SETTINGS, "This makes another name for a command: {what}.", MEDIUM)
    for word in given.operands[1:2]:
        text = word.text.strip()
        if text.startswith("!") or given.has("-s", "--shell"):
            reading.add(RUNS, f"The name {given.operands[0].display} runs a program.", word.line)
            reading.read("shell", text.removeprefix("!"), word.line, fixed=True)
    reading.doubt()


@GH.reader("config set")
def _config(given: Given, reading: Reading) -> None:
    program_named = given.texts[:1] in (["editor"], ["pager"], ["browser"], ["http_unix_socket"], ["credential"])
    given.note(reading, SETTINGS, "This changes a setting: {what}.", None if program_named else MEDIUM)


@GH.reader("pr checkout, mr checkout, run download, release download, pr co, ci download, checkout, co, job artifact")
def _brings(given: Given, reading: Reading) -> None:
    reading.doubt()  # what is fetched may run later


@GH.reader("api")
def _api(given: Given, reading: Reading) -> None:
    path = given.operands[0].text if given.operands else ""
    method = (given.value("-X", "--method") or Word("")).text.upper()
    fields = given.value("-f", "-F", "--field", "--raw-field", "--input") is not None
    method = method or ("POST" if fields and path != "graphql" else "GET")
    if path == "graphql":
        text = " ".join(word.text for word in given.arguments.values("-f", "-F", "--field", "--raw-field", "--input"))
        if re.search(r"\bmutation\b", text):
            level = (
                CRITICAL
                if re.search(r"deleteRepository|archiveRepository", text)
                else HIGH
                if re.search(r"delete|merge|remove", text)
                else None
            )
            given.note(reading, SHARES, "This changes something at the code host.", level)
        elif given.has("--input") or not re.search(r"query", text):
            reading.doubt()
    elif method == "DELETE":
        whole = re.fullmatch(r"/?(?:repos|projects)/[^/]+(?:/[^/]+)?/?|/?orgs/[^/]+", path)
        given.note(reading, DELETES_ALL if whole else DELETES, "This deletes {what} at the code host.")
    elif method not in ("GET", "HEAD"):
        secret = re.search(
            r"secrets|keys|hooks|protection|collaborators|permissions|memberships|actions/|dispatches|rulesets"
            r"|installations|merge",
            path,
        )
        given.note(reading, SETTINGS if secret else SHARES, "This changes {what} at the code host.")
    elif not all(word.known for word in given.operands):
        reading.doubt()


HG = Program(
    "hg",
    "chg",
    values="-R --repository --cwd -m --message -r --rev -u --user -d --date -b --branch -e --ssh --config -l "
    "--logfile -n --name -t",
    dry_run="-n --dry-run",
    helps="--help --version -h",
)
HG.reads(
    "status, st, log, diff, cat, annotate, blame, heads, tip, parents, branches, tags, summary, identify, id, "
    "manifest, files, locate, grep, paths, "
    "outgoing, incoming, version, help, root, showconfig, config, bookmarks, phase, verify, glog, smartlog, sl, "
    "export, resolve --list, shelve --list, "
    "annotate, web, whereami, debuginfo"
)
HG.does(
    LOCAL,
    "This changes the local repository: {what}.",
    "add, addremove, commit, ci, branch, bookmark, tag, copy, cp, rename, mv, move, init, bundle, "
    "graft, shelve, resolve, forget, archive, qnew, qrefresh, amend, metaedit, next, previous, go, goto",
)
HG.does(FETCHES, "This fetches what others have shared.", "pull, in, fetch")
HG.does(
    CHANGES,
    "This changes files of the working folder.",
    "merge, import, patch, unshelve, qpush, qpop, bisect, unbundle, backout, transplant",
)
HG.does(
    LOSES,
    "This throws away changes: {what|all}.",
    "revert, purge, clean, remove, rm, shelve --delete, uncommit, undo, hide, prune",
)
HG.does(
    REWRITES_ALL,
    "This rewrites or throws away history.",
    "strip, rollback, histedit, rebase, convert, fold, split, evolve, debugstrip, qdelete, recover, collapse",
)
HG.does(PUSHES, "This shares commits with others.", "push, email, submit, pr")
HG.does(CLONES, "This copies the repository {what}.", "clone")
HG.option("push", "-f --force", FORCES, "This overwrites what others have shared.")
HG.option("update, up, checkout, co, goto, go", "-C --clean", LOSES, "This throws away changes in the working folder.")
HG.does(LOCAL, "This switches to {what|another version}.", "update, up, checkout, co")


@HG.always
def _hg_config(given: Given, reading: Reading) -> None:
    for value in given.arguments.values("--config", "-e", "--ssh"):
        if re.search(
            r"hooks\.|alias\.|extensions\.|ssh|editor|pager|merge-tools|diff-tools|!|sh -c", value.text, re.IGNORECASE
        ):
            run_unread(reading, value)


SVN = Program(
    "svn",
    "svnadmin",
    "svnsync",
    "cvs",
    "bzr",
    "brz",
    "fossil",
    "p4",
    "darcs",
    values="-m --message -r --revision -F --file --username --password --depth --changelist --config-option "
    "--config-dir -c --limit -l -d --editor-cmd --diff-cmd",
    dry_run="-n --dry-run",
    helps="--help --version -h -?",
)
SVN.reads(
    "status, st, stat, log, info, diff, di, cat, list, ls, blame, praise, annotate, ann, proplist, pl, propget, "
    "pg, help, verify, lstxns, dump, changes, "
    "describe, opened, filelog, files, where, users, timeline, finfo, annotate, whatsnew, changelog, version, "
    "revno, missing, tags, branches, have, fstat"
)
SVN.does(
    LOCAL,
    "This changes the local copy: {what}.",
    "add, mkdir, copy, cp, move, mv, rename, ren, resolve, resolved, changelist, cl, propset, ps, propdel, pd, "
    "lock, unlock, cleanup, edit, reopen, init, shelve, stash, record, bookmark, setup, revert -n, new, open, create",
)
SVN.does(
    CHANGES,
    "This changes files of the local copy.",
    "update, up, merge, switch, sw, patch, sync, pull, unshelve, apply, relocate, upgrade, rebase, get",
)
SVN.does(CLONES, "This copies a repository.", "checkout, co, clone, export, branch")
SVN.does(
    LOSES,
    "This throws away changes: {what}.",
    "revert, delete, del, remove, rm, uncommit, obliterate, undo, clean, reconcile, unpull",
)
SVN.does(PUSHES, "This shares changes with others.", "commit, ci, import, push, send, submit, dcommit")
SVN.does(
    REWRITES_ALL,
    "This changes the repository on the server.",
    "load, rmtxns, setlog, setrevprop, recover, hotcopy, pack, delrevprop, revprop, "
    "rmlocks, setuuid, protect, user, admin, triggers, purge, scrub, shun, branch -d",
)
SVN.option("diff, di, merge", "--diff-cmd --diff3-cmd", REWRITES, "This runs another program.", HIGH)

JJ = Program(
    "jj",
    values="-R --repository --config --config-file -r --revision -m --message -d --destination -s --source -b -T "
    "--template -n --limit -t --to --from --into",
    helps="--help -h --version -V",
    dry_run="--dry-run",
)
JJ.reads(
    "status, st, log, diff, show, interdiff, evolog, obslog, op log, operation log, op show, file list, file show, "
    "file annotate, bookmark list, b list, branch list, "
    "config list, config get, config path, root, version, help, git remote list, tag list, workspace list, "
    "workspace root, "
)
JJ.does(
    LOCAL,
    "This changes the local repository: {what}.",
    "new, commit, ci, describe, desc, bookmark create, bookmark set, bookmark move, bookmark track, b create, b set, "
    "edit, next, prev, file track, file untrack, git init, init, workspace add, workspace forget, git remote add, "
    "op undo, undo, redo, duplicate, split, squash, "
    "absorb, fix, sign, metaedit, parallelize, simplify-parents, resolve, sparse, util, bookmark rename, workspace "
    "update-stale, git export, git import",
)
JJ.does(REWRITES, "This rewrites commits: {what}.", "rebase, diffedit, move, backout, revert")
JJ.does(
    LOSES,
    "This throws away changes or commits: {what}.",
    "abandon, restore, bookmark delete, bookmark forget, b delete, op restore, op abandon, operation restore, "
    "operation abandon, branch delete, file chmod",
)
JJ.does(FETCHES, "This fetches what others have shared.", "git fetch")
JJ.does(CLONES, "This copies the repository {what}.", "git clone")
JJ.does(PUSHES, "This shares commits with others.", "git push, gerrit upload")
JJ.does(
    SETTINGS,
    "This changes settings, which may run programs.",
    "config set, config edit, config unset, git remote set-url, git remote remove, git remote rename",
)
JJ.option(
    "git push",
    "--all --deleted --allow-backwards --mirror",
    FORCES,
    "This overwrites or deletes what others have shared.",
)


@program(*word_set("git-lfs git-filter-repo bfg git-flow git-absorb gitk tig lazygit git-cliff repo ghq gita mr"))
def _around(command: Command, reading: Reading) -> None:
    first = command.words[0]
    if command.name in ("git-lfs", "git-filter-repo", "git-flow"):
        inner = [first.with_text("git"), first.with_text(command.name.removeprefix("git-")), *command.arguments]
        read_command(replace(command, words=inner), reading)
    elif command.name == "bfg":
        reading.add(REWRITES_ALL, "This rewrites the whole history.", command.line)
    elif command.name in ("repo", "ghq", "gita", "mr"):
        reading.add(CHANGES, "This changes many repositories at once.", command.line)
    else:
        reading.doubt()
