"""Encryption at rest: where parts and values can be read, with which keys, and how they are brought to a new one."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from app.domain.errors import UnavailableFileError
from app.domain.people import Actor, Role, Via
from app.services.bundle import Services, build_services
from app.services.files.rules import FileRules
from app.services.key_rotation import KeyRotation, check_keys
from app.services.vault.ring import EncryptionKey, KeyRing, MissingKeyError, SealError, new_key, parse_keys
from app.services.vault.values import Vault
from app.settings import SettingsError
from app.store.engine import make_engine
from tests.factories import make_destination, make_person

SECRET = "the secret key of these tests, of no use"
PART = 64 * 1024
CONTENT = bytes(range(251)) * 1_500
OLD, NEW = (parse_keys(new_key(), name)[0] for name in ("old", "new"))


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path | None:
    """The operator's folder, if the test is about one."""
    return tmp_path if getattr(request, "param", "database") == "folder" else None


class House:
    """A database, its operator's folder, and services with any keys on both."""

    def __init__(self, database_url: str, folder: Path | None) -> None:
        self.engine = make_engine(database_url)
        self.folder = folder
        self.owner: Actor = make_person(self.services(OLD).sessions, "Uploader", [Role.REVIEWER]).as_actor(Via.PAGE)

    def services(self, *keys: EncryptionKey, secret: str = SECRET) -> Services:
        rules = FileRules(part_bytes=PART, folder=self.folder)
        return build_services(self.engine, files=rules, secret_key=secret, ring=KeyRing(secret, keys))

    def upload(self, services: Services, content: bytes = CONTENT, complete: bool = True) -> str:
        file = services.files.begin(self.owner, "hosts.csv", len(content))
        for start in range(0, len(content), PART):
            services.files.put(self.owner, file.id, start, content[start : start + PART])
        if complete:
            services.files.complete(self.owner, file.id)
        return file.id

    def content(self, services: Services, file_id: str) -> bytes:
        return b"".join(services.files.content(self.owner, file_id)[1])

    def sql(self, statement: str, **values: object) -> list[object]:
        with self.engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return list(result.scalars()) if result.returns_rows else []

    def stored(self, file_id: str) -> bytes:
        """All bytes that are stored of a file."""
        if self.folder is None:
            return b"".join(map(bytes, self.sql("select content from file_chunks where file_id = :id", id=file_id)))  # type: ignore[call-overload]
        return b"".join(path.read_bytes() for path in self.folder.rglob("*") if path.is_file())

    def make_plain(self, file_id: str) -> None:
        """Store a file as it was stored before there was encryption."""
        if self.folder is None:
            for start in self.sql("select start from file_chunks where file_id = :id", id=file_id):
                part = CONTENT[int(str(start)) : int(str(start)) + PART]
                self.sql(
                    "update file_chunks set content = :part, key_id = '' where file_id = :id and start = :start",
                    part=part, id=file_id, start=start,
                )  # fmt: skip
        else:
            self.sql("delete from file_chunks where file_id = :id", id=file_id)
            (self.folder / file_id[:2] / file_id).write_bytes(CONTENT + b"beyond what was received")


@pytest.fixture
def house(database_url: str, folder: Path | None) -> Iterator[House]:
    made = House(database_url, folder)
    yield made
    made.engine.dispose()


def rotation(services: Services) -> KeyRotation:
    return KeyRotation(services.sessions, services.clock, services.files, services.vault)


both_places = pytest.mark.parametrize("folder", ["database", "folder"], indirect=True)


@both_places
def test_what_is_stored_cannot_be_read_without_its_key(house: House) -> None:
    made = house.services(OLD)
    file_id = house.upload(made)
    stored = house.stored(file_id)
    assert all(CONTENT[start : start + 64] not in stored for start in range(0, len(CONTENT), PART))
    assert house.content(house.services(NEW, OLD), file_id) == CONTENT
    for keys in ((NEW,), ()):
        with pytest.raises(UnavailableFileError, match=f"encrypted with the key {OLD.id}, which is not configured"):
            house.content(house.services(*keys), file_id)
    assert house.content(made, file_id) == CONTENT


@both_places
def test_any_range_is_read(house: House) -> None:
    services = house.services(OLD)
    file = services.files.get(house.owner, house.upload(services))
    store = services.files.store_of(file)
    for start, length in ((0, 1), (PART - 1, 2), (PART, PART), (5, 3 * PART), (len(CONTENT) - 1, 1), (len(CONTENT), 9)):
        assert store.read(file, start, length) == CONTENT[start : start + length]


def test_parts_that_were_swapped_moved_or_changed_are_refused(house: House) -> None:
    services = house.services(OLD)
    swapped, moved, changed, cut = (house.upload(services) for _ in range(4))
    house.sql(
        "update file_chunks c set content = o.content from file_chunks o where c.file_id = :id and o.file_id = :id"
        " and ((c.start = 0 and o.start = :part) or (c.start = :part and o.start = 0))",
        id=swapped, part=PART,
    )  # fmt: skip
    house.sql(
        "update file_chunks c set content = o.content from file_chunks o"
        " where c.file_id = :to and o.file_id = :id and c.start = o.start",
        to=moved, id=changed,
    )  # fmt: skip
    house.sql("update file_chunks set content = set_byte(content, 99, get_byte(content, 99) # 1) where file_id = :id",
              id=changed)  # fmt: skip
    house.sql("update file_chunks set content = substr(content, 1, 20) where file_id = :id", id=cut)
    for file_id in (swapped, moved, changed, cut):
        with pytest.raises(UnavailableFileError, match=r"changed|not encrypted"):
            house.content(services, file_id)


@both_places
def test_a_new_key_takes_over_and_the_old_one_is_no_longer_needed(house: House) -> None:
    old = house.services(OLD)
    file_id, place = house.upload(old), make_destination(old)
    new = house.services(NEW, OLD)
    assert sum(rotation(new).run()) > 1
    assert rotation(new).use().ids == {NEW.id}
    assert rotation(new).use().left(NEW.id) == 0
    alone = house.services(NEW)
    assert house.content(alone, file_id) == CONTENT
    assert alone.vault.open(alone.destinations._row(place.id).address, f"address of destination {place.id}")
    assert sum(rotation(new).run()) == 0


@both_places
def test_what_is_older_than_encryption_is_read_and_brought_over(house: House) -> None:
    services = house.services(OLD)
    file_id = house.upload(services)
    house.make_plain(file_id)
    assert CONTENT[:64] in house.stored(file_id)
    assert house.content(services, file_id) == CONTENT
    assert rotation(services).use().left(OLD.id) > 0
    assert sum(rotation(services).run()) > 0
    assert rotation(services).use().left(OLD.id) == 0
    assert house.content(services, file_id) == CONTENT
    stored = house.stored(file_id)
    assert CONTENT[:64] not in stored and b"beyond" not in stored


@both_places
def test_an_upload_goes_on_that_was_begun_before_there_was_encryption(house: House) -> None:
    services = house.services(OLD)
    file = services.files.begin(house.owner, "hosts.csv", len(CONTENT))
    for start in (0, PART):
        services.files.put(house.owner, file.id, start, CONTENT[start : start + PART])
    house.make_plain(file.id)
    for start in range(2 * PART, len(CONTENT), PART):
        services.files.put(house.owner, file.id, start, CONTENT[start : start + PART])
    services.files.complete(house.owner, file.id)
    assert house.content(services, file.id) == CONTENT
    assert sum(rotation(services).run()) > 0
    assert house.content(services, file.id) == CONTENT
    assert rotation(services).use().left(OLD.id) == 0


def test_sealed_values_of_earlier_versions_are_read_and_brought_over(house: House) -> None:
    services = house.services(OLD)
    place = make_destination(services)
    address = services.destinations.address_of(house_admin(house), place.id)
    derived = hmac.new(SECRET.encode(), b"assent: what is sealed", hashlib.sha256).digest()
    older = Fernet(base64.urlsafe_b64encode(derived)).encrypt(address.encode()).decode()
    house.sql("update destinations set address = :older where id = :id", older=older, id=place.id)
    assert services.destinations.address_of(house_admin(house), place.id) == address
    assert rotation(services).use().values[""] == 1
    assert sum(rotation(services).run()) == 1
    assert services.destinations.address_of(house_admin(house), place.id) == address
    assert rotation(services).use().values == {OLD.id: 2}


def house_admin(house: House) -> Actor:
    return make_person(house.services(OLD).sessions, "Operator on call", [Role.ADMIN]).as_actor(Via.PAGE)


def test_what_a_missing_key_has_encrypted_stays_as_it_is(house: House) -> None:
    file_id = house.upload(house.services(OLD))
    kept = house.stored(file_id)
    other = house.services(NEW)
    assert sum(rotation(other).run()) == 0
    assert rotation(other).use().left(NEW.id) > 0
    assert house.stored(file_id) == kept
    with pytest.raises(SettingsError, match=f"ENCRYPTION_KEYS: .* the key {OLD.id}, which is not configured"):
        check_keys(other.sessions, other.vault.ring)
    check_keys(other.sessions, KeyRing(SECRET, (NEW, OLD)))


def test_a_key_that_another_process_has_added_to_the_file_is_read_at_once(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    here = KeyRing(SECRET, file=file)
    derived = here.primary.id
    first, second = new_key(), new_key()
    file.write_text(f"{first}\n")
    sealed = KeyRing(SECRET, file=file).seal("test", "", b"x")
    assert here.open("test", "", sealed) == b"x"
    file.write_text(f"# in use since today\n{second}\n{first}\n")
    assert [key.id for key in here.keys] == [parse_keys(second, "")[0].id, parse_keys(first, "")[0].id, derived]
    file.write_text("not a key\n")
    with pytest.raises(SettingsError, match="32 bytes in base64url"):
        _ = here.primary


def test_a_value_opens_only_as_what_it_was_sealed_for() -> None:
    vault = Vault(KeyRing(SECRET, (OLD,)))
    sealed = vault.seal("whsec_x", "secret of destination 1")
    assert vault.open(sealed, "secret of destination 1") == "whsec_x"
    with pytest.raises(SealError, match="not where it was stored"):
        vault.open(sealed, "secret of destination 2")
    with pytest.raises(MissingKeyError, match=OLD.id):
        Vault(KeyRing(SECRET, (NEW,))).open(sealed, "secret of destination 1")
    with pytest.raises(SealError, match="no key to encrypt with"):
        Vault(KeyRing()).seal("x", "")
    assert vault.open(vault.seal("", "x"), "x") == ""


@pytest.mark.parametrize(
    "given",
    ["short", "A" * 43, "é" * 43, f"{(twice := new_key())},{twice}"],
    ids=["short", "zero", "not base64", "twice"],
)
def test_keys_that_are_none_are_refused(given: str) -> None:
    with pytest.raises(SettingsError, match="HERE: a key is"):
        parse_keys(given, "HERE")
