"""Settings: each one documented, none guessed, each fault told in one line that names it."""

from __future__ import annotations

import re
import stat
import threading
from pathlib import Path

import pytest

from app.settings import PREFIX, Settings, SettingsError, check_folders, load_settings, reference, with_secret_key

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_table_is_that_of_the_settings():
    documented = re.findall(rf"(?m)^\| `{PREFIX}.+$", DOCUMENT.read_text().split("Targets of workflows")[0])
    assert documented == reference.rows(), "`bin/settings-reference` prints the table as it should be"


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("port", "1 to 65,535"), ("demo", "`true`, `false`"), ("smtp_tls", "`starttls`, `tls`, `none`"),
        ("model_budget_tokens", "a whole number, 0 or more"), ("smtp_timeout_seconds", "1 to 300"),
        ("trusted_proxies", "networks, separated by commas"), ("sign_in_contact", "text of at most 200 characters"),
    ],
)  # fmt: skip
def test_what_is_allowed_is_told_from_the_types(name, allowed):
    assert reference.allowed(name, Settings.model_fields[name]) == allowed


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ASSENT_PORT", "http", "ASSENT_PORT: .*integer"),
        ("ASSENT_PORT", "70000", "ASSENT_PORT: .*65535"),
        ("ASSENT_DATABASE_URL", "mysql://root@db/x", r"ASSENT_DATABASE_URL: must start with postgresql://"),
        ("ASSENT_SECRET_KEY", "hunter2", "ASSENT_SECRET_KEY: must have at least 32 characters"),
        ("ASSENT_BASE_URL", "assent.example.com", "ASSENT_BASE_URL: must start with http"),
        ("ASSENT_WORKFLOWS", "some.module", "ASSENT_WORKFLOWS: .*package.module:NAME"),
        ("ASSENT_ASYNC_MODE", "gevent", "ASSENT_ASYNC_MODE: .*eventlet.*threading"),
        ("ASSENT_REUSE_PORT", "perhaps", "ASSENT_REUSE_PORT: .*boolean"),
        ("ASSENT_MODEL_BUDGET_TOKENS", "many", "ASSENT_MODEL_BUDGET_TOKENS: .*integer"),
        ("ASSENT_MODEL_BUDGET_TOKENS", "-1", "ASSENT_MODEL_BUDGET_TOKENS: .*greater than or equal to 0"),
        ("ASSENT_MODEL_BUDGET_DOLLARS", "nan", "ASSENT_MODEL_BUDGET_DOLLARS: .*finite"),
        ("ASSENT_PROT", "8001", r"ASSENT_PROT: there is no such setting. Did you mean ASSENT_PORT\?"),
    ],
)
def test_a_bad_setting_is_one_line_that_names_it(monkeypatch, name, value, words):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["ASSENT_SECRET_KEY", "ASSENT_DATABASE_URL"])
def test_a_bad_secret_is_not_repeated(monkeypatch, name):
    monkeypatch.setenv(name, "swordfish")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "swordfish" not in str(caught.value)


def test_folders_are_checked_at_the_start(tmp_path):
    (tmp_path / "file").touch()
    for values, words in (
        ({"files_dir": str(tmp_path / "none")}, "ASSENT_FILES_DIR: .*not a directory"),
        ({"files_dir": str(tmp_path / "file")}, "ASSENT_FILES_DIR: .*not a directory"),
        ({"files_dir": "here"}, "ASSENT_FILES_DIR: must be an absolute path"),
        ({"files_dir": "/proc"}, "ASSENT_FILES_DIR: /proc cannot be written"),
        ({"input_folders": (str(tmp_path), str(tmp_path / "none"))}, "ASSENT_INPUT_FOLDERS: .*none"),
        ({"input_folders": ("here",)}, "ASSENT_INPUT_FOLDERS: here"),
    ):
        with pytest.raises(SettingsError, match=words):
            check_folders(Settings(**values))
    check_folders(Settings(files_dir=str(tmp_path), input_folders=f"{tmp_path}, /tmp"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_settings_do_not_show_secrets():
    settings = Settings(secret_key="k" * 40, database_url="postgresql://a:swordfish@db/x")
    assert "kkkk" not in repr(settings)
    assert "swordfish" not in repr(settings)


def test_empty_text_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("ASSENT_PORT", "")
    assert load_settings().port == 8000


def test_targets_are_no_settings(monkeypatch):
    monkeypatch.setenv("ASSENT_TARGET_SHOP", "postgresql://db/shop")
    load_settings()


def test_workflows_are_a_comma_list(monkeypatch):
    monkeypatch.setenv("ASSENT_WORKFLOWS", "a.b:ONE, c:TWO,")
    assert load_settings().workflows == ("a.b:ONE", "c:TWO")


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"host": "0.0.0.0", "port": 81}, "http://127.0.0.1:81"),
        ({"host": "::1"}, "http://[::1]:8000"),
        ({"base_url": "https://assent.example.com/"}, "https://assent.example.com"),
    ],
)
def test_the_address_for_people(values, url):
    assert Settings(**values).public_url == url


@pytest.mark.parametrize(
    ("values", "secure"),
    [
        ({}, False),
        ({"base_url": "https://a.example"}, True),
        ({"session_cookie_secure": "always"}, True),
        ({"base_url": "https://a.example", "session_cookie_secure": "never"}, False),
    ],
)
def test_the_cookie_is_secure_where_the_address_is(values, secure):
    assert Settings(**values).cookie_secure is secure


def test_the_secret_key_is_made_once_and_private(tmp_path):
    settings = Settings(data_dir=tmp_path / "data")
    keys = set()
    threads = [threading.Thread(target=lambda: keys.add(with_secret_key(settings).secret_key)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 1
    assert len(keys.pop()) >= 32
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret_key"]
    assert stat.S_IMODE((tmp_path / "data" / "secret_key").stat().st_mode) == 0o600


def test_a_given_secret_key_writes_nothing(tmp_path):
    settings = Settings(data_dir=tmp_path / "data", secret_key="k" * 40)
    assert with_secret_key(settings).secret_key == "k" * 40
    assert not (tmp_path / "data").exists()


def test_a_data_directory_that_is_a_file_is_told_in_one_line(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(SettingsError, match="ASSENT_DATA_DIR: "):
        with_secret_key(Settings(data_dir=tmp_path / "data"))


def test_an_emptied_key_file_is_refused(tmp_path):
    (tmp_path / "secret_key").write_text("\n")
    with pytest.raises(SettingsError, match="contains no key"):
        with_secret_key(Settings(data_dir=tmp_path))
