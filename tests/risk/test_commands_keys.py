"""What commands for code hosts, other version control, keys, and passwords would do."""

import pytest

from app.risk.commands import table as programs
from tests.risk.commands import level_of, reading_of, table

CASES = table(
    """
    safe gh pr list
    safe gh pr view 7 --comments
    safe gh run view 1 --log
    safe gh api repos/acme/shop/issues
    safe glab mr list
    safe hg status
    safe svn status
    safe jj log
    low? gh pr checkout 7
    low hg commit -m x
    medium gh pr create --fill
    medium gh issue comment 4 -b hi
    medium gh api repos/acme/shop/issues -f title=x
    medium svn commit -m x
    high gh pr merge 7 --squash
    high gh release create v1
    high gh secret set TOKEN
    high gh auth token
    high gh workflow run deploy.yml
    high gh api -X PUT repos/acme/shop/branches/main/protection
    high hg strip x
    high jj abandon x
    critical gh repo delete acme/shop --yes
    critical gh api --method DELETE repos/acme/shop
    critical gh api graphql -f 'query=mutation { deleteRepository(input: {}) { id } }'
    safe openssl x509 -in cert.crt -noout -dates
    safe openssl rand -hex 16
    safe ssh-keygen -lf key.pub
    safe ssh-add -l
    safe gpg --verify a.sig
    safe gpg --list-keys
    safe pass ls
    safe certbot certificates
    safe keytool -list -keystore x.jks
    medium openssl genrsa -out key.pem 2048
    medium openssl s_client -connect a.example:443
    medium ssh-keygen -t ed25519 -f ~/.ssh/id_x -N ''
    medium certbot renew
    medium? gpg a.gpg
    medium? openssl frobnicate
    high openssl rsa -in key.pem
    high openssl pkcs12 -in a.p12 -nodes
    high ssh-copy-id web1
    high gpg --export-secret-keys
    high security find-generic-password -w
    high op read op://x/y
    high pass show x
    high certbot delete --cert-name x
    critical ssh-agent sh -c 'rm -rf /home'
    critical gpg --delete-secret-keys x
    critical security delete-keychain login.keychain
    """
)


@pytest.mark.parametrize(("level", "understood", "command"), CASES)
def test_a_command_has_its_level(level, understood, command):
    reading = reading_of(command)
    assert (level_of(reading).value, reading.understood) == (level, understood), reading.findings


def test_programs_have_plausible_names():
    assert [name for name in programs.handlers() if not name or name[0] == "-" or name[-1] == "-" or " " in name] == []
    assert len(programs.handlers()) > 2000
