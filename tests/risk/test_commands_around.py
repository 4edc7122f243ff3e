"""Ways around: programs that mostly read, with the option or subcommand that makes them run or write something."""

import pytest

from tests.risk.commands import level_of, reading_of, table

CASES = table(
    r"""
    high tmux source-file evil.conf
    high tmux set-option -g default-command 'rm -rf /'
    high? tmux -f evil.conf new
    high? screen -c evil.conf
    critical? gh alias set x '!rm -rf /'
    high gh config set pager 'sh -c id'
    medium? npm pkg set scripts.test=evil
    high? git init --template=/tmp/evil
    medium? git mv evil.sh Makefile
    high git checkout-index -f -a
    high? git bundle create /etc/cron.d/x HEAD
    high? git archive -o /etc/cron.d/x HEAD
    high? git config --name-only core.hooksPath x
    critical sqlite3 a.db ".output '|rm -rf /'"
    high cmd /c type .env
    high? cmd /c 'set PATH=C:\x && git status'
    high? restic --password-command 'sh -c id' snapshots
    medium docker context use prod
    high? helm plugin update x
    high? ssh -F evil -G host
    high? curl -w '%output{/etc/cron.d/x}' https://x.example
    high? scc -o /etc/x .
    high rsync -a -e 'sh -c id' a b:/x
    high? apt-get -o Dpkg::Pre-Invoke::=id install jq
    high? go test -exec ./x ./...
    high? make --eval 'x:;id' test
    high? kubectl apply --dry-run=none -f x.yaml
    critical sqlite3 a.db "select load_extension('./x')"
    """
)


@pytest.mark.parametrize(("level", "understood", "command"), CASES)
def test_a_way_around_is_no_way_around(level, understood, command):
    reading = reading_of(command)
    assert (level_of(reading).value, reading.understood) == (level, understood), reading.findings
