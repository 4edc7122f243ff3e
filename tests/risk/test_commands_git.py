"""What git commands would do."""

import pytest

from tests.risk.commands import level_of, reading_of, table

CASES = table(
    """
    safe git status --short
    safe git log --oneline -5 -- src
    safe git diff HEAD~1
    safe git branch -a --contains HEAD
    safe git tag -l 'v*'
    safe git stash list
    safe git remote -v
    safe git config --get user.name
    safe git config user.name
    safe git -C ../other rev-parse --show-toplevel
    safe git -c core.pager=cat log
    safe git push --dry-run --force origin main
    safe git clean -nd
    safe git --version
    low git add -A
    low? git commit -m 'Round half to even'
    low? git checkout -b feature/x
    low? git switch main
    low git stash
    low git tag v1.0
    low git tag -a v1.0 -m 'Version 1.0'
    low? git tag -a v1.0
    low? git tag -s v1.0 -m 'Version 1.0'
    low? git tag -m 'Version 1.0' -e v1.0
    low git notes add -m x
    low? git notes add
    low? git notes edit
    low? git branch --edit-description
    low? git add -e
    low? git lfs install
    low git branch feature/y
    low git restore --staged a.py
    low git reset HEAD~1
    low git fetch origin
    low git config --global user.name Ada
    medium? git push origin feature/x
    medium? git pull --rebase origin main
    medium? git clone https://git.example.com/shop.git
    medium? git merge feature/x
    medium? git rebase main
    medium? git commit --no-verify -m x
    medium? git commit --amend --no-edit
    medium git branch -d merged
    medium? git diff --output=app/x.py
    medium? git frobnicate
    high git reset --hard HEAD~3
    high? git checkout -- .
    high? git checkout -f main
    high git restore app
    high git clean -fdx
    high git stash clear
    high git branch -D feature/x
    high git branch --delete --force feature/x
    high git rm -r src
    high? git push -f origin main
    high? git push origin main --force-with-lease
    high? git push origin +main
    high? git push -fu origin main
    high? git push origin :feature/x
    high? git push --delete origin v1
    critical? git push --mirror backup
    high git filter-branch --all
    high git reflog expire --expire=now --all
    high git gc --prune=now
    high git update-ref -d refs/heads/main
    high? git remote set-url origin https://x.example/a.git
    high? git config core.hooksPath /tmp/hooks
    high? git config --global core.hooksPath ''
    high? git -c core.sshCommand='sh -c id' fetch
    high? git -c credential.helper=!id fetch
    high? git config --global alias.st '!sh x.sh'
    high? git -c protocol.ext.allow=always clone x
    high? git clone 'ext::sh -c id'
    high? git clone --upload-pack=./x host:repo
    high? git grep -O./x needle
    high? git rebase --exec ./x main
    high? git --exec-path=/tmp/x status
    high git show HEAD:.env
    high? git $X
    critical git bisect run rm -rf /
    """
)


@pytest.mark.parametrize(("level", "understood", "command"), CASES)
def test_a_command_of_git_has_its_level(level, understood, command):
    reading = reading_of(command)
    assert (level_of(reading).value, reading.understood) == (level, understood), reading.findings


def test_a_branch_that_is_known_only_later_is_not_understood():
    assert not reading_of("git push origin $X").understood
