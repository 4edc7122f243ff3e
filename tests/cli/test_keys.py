"""`assent keys`: new keys, the list, and the rotation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli.main import cli
from app.domain.people import Role, Via
from app.services.bundle import Services
from app.services.vault.ring import new_key, parse_keys
from app.store.record import AuditEntry
from tests.cli.conftest import Told
from tests.factories import make_person


@pytest.fixture
def file_id(services: Services) -> str:
    """A file that is encrypted with the key of the secret key."""
    owner = make_person(services.sessions, "Uploader", [Role.REVIEWER]).as_actor(Via.PAGE)
    file = services.files.begin(owner, "hosts.csv", 5)
    services.files.put(owner, file.id, 0, b"a,b,c")
    return services.files.complete(owner, file.id).id


def test_a_new_key_in_the_data_directory(services: Services, file_id: str, told: Told, tmp_path: Path,
                                         monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("ASSENT_DATA_DIR", str(tmp_path))
    assert "ASSENT_SECRET_KEY" in told("keys", "list") and "Nothing" not in told("keys", "rotate")
    added = told("keys", "new")
    [key] = parse_keys((tmp_path / "encryption_keys").read_text(), "")
    assert key.id in added and (tmp_path / "encryption_keys").stat().st_mode & 0o777 == 0o600
    first, second = json.loads(told("keys", "list", "--json"))
    assert (first["key"], first["parts"], first["state"]) == (key.id, 0, "encrypts")
    assert (second["parts"], second["state"]) == (1, "decrypts")
    assert f"Encrypted 1 parts and values with the key {key.id}" in (said := told("keys", "rotate"))
    assert f"Nothing is encrypted with {second['key']} any more" in said
    with services.sessions() as session:
        entry = session.query(AuditEntry).where(AuditEntry.action == "key.rotated").all()[-1]
    assert entry.detail == {"key": key.id, "encrypted": 1, "left": 0}
    told("keys", "new")
    assert len(parse_keys((tmp_path / "encryption_keys").read_text(), "")) == 2


def test_a_new_key_for_the_setting_is_printed(told: Told, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSENT_ENCRYPTION_KEYS", new_key())
    assert len(parse_keys(told("keys", "new"), "")) == 1


def test_without_the_key_of_stored_data_nothing_is_encrypted_with_another(
    services: Services, file_id: str, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSENT_SECRET_KEY", "y" * 40)
    assert "missing" in told("keys", "list")
    assert "which is not configured" in str(CliRunner().invoke(cli, ["keys", "rotate"]).exception)
