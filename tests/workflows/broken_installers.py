"""Installers that are broken by accident: any number of mutants of good ones, always the same for the same number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from tests.workflows.broken_insides import changed_inside

_HUGE = (0xFFFFFFFF, 0xFFFFFFFE, 0x80000000, 0x7FFFFFFF, 0x00FFFFFF, 0xFFFF, 0)
LANDMARKS = (
    b"MSCF", b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"7z\xbc\xaf", b"Rar!", b"NullsoftInst",
    b"Inno Setup Setup Data", b"rDlPtS", b".wixburn", b".rsrc", b"PE\0\0", "VS_VERSION_INFO".encode("utf-16-le"),
)  # fmt: skip
_SECTOR = 512
_INSIDE = 4
"""Every fourth mutant is changed inside a compressed part."""
Mutation = Callable[[bytearray, Random], None]


def mutant(seeds: Sequence[bytes], number: int) -> tuple[str, bytes]:
    """Return what was done to one of the seeds, and the result."""
    random = Random(number)
    done: list[str] = []

    def change(content: bytes) -> bytes:
        changed = bytearray(content)
        mutations = [*_ANY, *(_COMPOUND if content.startswith(b"\xd0\xcf\x11\xe0") else _PROGRAM)]
        for mutation in random.choices(mutations, k=random.choice((1, 1, 1, 2, 3))):
            if changed:
                done.append(mutation.__name__.strip("_"))
                mutation(changed, random)
        return bytes(changed)

    if number % _INSIDE == 0:
        words, made = changed_inside(seeds, change, random)
        return f"{words}: {' and '.join(done)}", made
    made = change(seeds[number % len(seeds)])
    return " and ".join(done), made


def _place(content: bytearray, random: Random, size: int = 1) -> int:
    """Return a place, more often in headers and near landmarks than elsewhere."""
    last = max(0, len(content) - size)
    where = random.random()
    if where < 0.4:
        return random.randint(0, min(last, 4_096))
    if where < 0.5:
        return random.randint(max(0, last - 4_096), last)
    if where < 0.8:
        found = [place for mark in LANDMARKS if (place := content.find(mark, random.randint(0, last))) >= 0]
        if found:
            return min(last, max(0, random.choice(found) + random.randint(-16, 256)))
    return random.randint(0, last)


def _flip_bits(content: bytearray, random: Random) -> None:
    for _ in range(random.choice((1, 4, 64))):
        content[_place(content, random)] ^= 1 << random.randrange(8)


def _truncate(content: bytearray, random: Random) -> None:
    del content[random.choice((random.randrange(len(content)), random.randrange(min(len(content), 4_096)))) :]


def _swap_blocks(content: bytearray, random: Random) -> None:
    size = random.choice((16, _SECTOR, 4_096))
    first, second = _place(content, random, size), _place(content, random, size)
    content[first : first + size], content[second : second + size] = (
        content[second : second + size], content[first : first + size],
    )  # fmt: skip


def _write_huge_numbers(content: bytearray, random: Random) -> None:
    for _ in range(random.choice((1, 1, 3, 10))):
        place = _place(content, random, 4) & ~1
        size = random.choice((2, 4))
        content[place : place + size] = (random.choice(_HUGE) & (1 << 8 * size) - 1).to_bytes(size, "little")


def _repeat_block(content: bytearray, random: Random) -> None:
    place, size = _place(content, random), random.choice((32, _SECTOR, 4_096))
    content[place:place] = content[place : place + size] * random.choice((1, 8, 64))


def _remove_block(content: bytearray, random: Random) -> None:
    place = _place(content, random)
    del content[place : place + random.choice((1, 16, _SECTOR, 65_536))]


def _fill_block(content: bytearray, random: Random) -> None:
    size = random.choice((16, _SECTOR, 65_536))
    place = _place(content, random, size)
    size = len(content[place : place + size])
    content[place : place + size] = random.choice((bytes(size), b"\xff" * size, random.randbytes(size)))


def _append(content: bytearray, random: Random) -> None:
    content += random.choice((random.randbytes(10_000), content[: 1 << 20], bytes(1 << 20)))


_ANY: tuple[Mutation, ...] = (
    _flip_bits, _truncate, _swap_blocks, _write_huge_numbers, _write_huge_numbers, _repeat_block, _remove_block,
    _fill_block, _append,
)  # fmt: skip


def _sectors(content: bytearray) -> int:
    return 1 << min(16, int.from_bytes(content[30:32], "little"))


def _change_allocation(content: bytearray, random: Random) -> None:
    """Let chains of sectors of a compound file end early, go in circles, or share sectors."""
    size = _sectors(content)
    place = (int.from_bytes(content[76:80], "little") + 1) * size
    for _ in range(random.choice((1, 5, 100))):
        entry = place + 4 * random.randrange(max(1, size // 4))
        if entry + 4 <= len(content):
            targets = (0, (entry - place) // 4, random.randrange(1_000), 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFF0)
            target = random.choice(targets)
            content[entry : entry + 4] = target.to_bytes(4, "little")


def _change_directory(content: bytearray, random: Random) -> None:
    """Change the tree of a compound file: circles, entries of other kinds, wrong starts, huge sizes."""
    place = (int.from_bytes(content[48:52], "little") + 1) * _sectors(content)
    for _ in range(random.choice((1, 3, 20))):
        entry = place + 128 * random.randrange(8)
        field, size = random.choice(((64, 2), (66, 1), (68, 4), (72, 4), (76, 4), (116, 4), (120, 4), (124, 4)))
        if entry + 128 <= len(content):
            value = random.choice((*_HUGE, random.randrange(8), random.randrange(100))) & (1 << 8 * size) - 1
            content[entry + field : entry + field + size] = value.to_bytes(size, "little")


def _change_compound_header(content: bytearray, random: Random) -> None:
    place = random.choice((24, 26, 28, 30, 32, 40, 44, 48, 52, 56, 60, 64, 68, 72, 76, 80))
    content[place : place + 4] = random.choice((*_HUGE, random.randrange(64))).to_bytes(4, "little")


_COMPOUND: tuple[Mutation, ...] = (_change_allocation, _change_directory, _change_compound_header) * 2


def _change_program_header(content: bytearray, random: Random) -> None:
    """Change the header of a program: places, counts of sections, directories, sizes."""
    start = min(int.from_bytes(content[60:64], "little"), 1 << 16)
    place = start + 2 * random.choice((2, 3, 10, 12, *range(12, 130)))
    size = random.choice((2, 4))
    content[place : place + size] = (random.choice(_HUGE) & (1 << 8 * size) - 1).to_bytes(size, "little")


def _change_resources(content: bytearray, random: Random) -> None:
    """Change the tree of resources: many entries, circles, data outside of the file."""
    name = content.find(b".rsrc")
    if name < 0 or name + 24 > len(content):
        return
    place = int.from_bytes(content[name + 20 : name + 24], "little")
    for _ in range(random.choice((1, 4, 20))):
        entry = place + 2 * random.randrange(256)
        value = random.choice((0x80000000, 0x80000010, 0x80000000 | random.randrange(512), *_HUGE))
        size = random.choice((2, 4))
        if entry + 4 <= len(content):
            content[entry : entry + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")


def _change_end(content: bytearray, random: Random) -> None:
    """Change what lies at the end, such as a signature."""
    last = len(content) - 1
    for _ in range(random.choice((1, 3, 10))):
        place = max(0, last - random.randrange(12_000))
        content[place] = random.choice((0, 0x30, 0x80, 0x84, 0xFF, random.randrange(256)))


_PROGRAM: tuple[Mutation, ...] = (_change_program_header, _change_resources, _change_resources, _change_end)
