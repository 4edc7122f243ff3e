"""What happens to installers after they are built: some are signed, and to some something is appended on their way."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from bench.packages.recipes import Recipe, run, tool
from tests.signing import CODE, Entity, entity


def finished(recipe: Recipe) -> Recipe:
    """Return the recipe with what its name draws: a signature, bytes behind it, or nothing more."""
    dice = random.Random(f"finished {recipe.name}")
    choice = dice.choice(("plain", "plain", "signed", "signed" if "msi" in recipe.tags else "longer"))
    if choice == "plain" or "real" in recipe.tags:
        return recipe
    step = sign if choice == "signed" else partial(_lengthen, dice.randbytes(dice.choice((1, 40, 700))))
    build = partial(_in_turn, recipe.build, step)
    return Recipe(f"{recipe.name}, {choice}", recipe.truth, build, recipe.held_back, recipe.tags)


def _in_turn(build: Callable[[Path], Path], step: Callable[[Path], None], folder: Path) -> Path:
    path = build(folder)
    step(path)
    return path


def _lengthen(rest: bytes, path: Path) -> None:
    with path.open("ab") as file:
        file.write(rest)


def sign(path: Path) -> None:
    """Sign an installer in its place."""
    signer = _signer()
    certificate, key, plain = (path.with_name(name) for name in ("signer.pem", "signer.key", f"plain-{path.name}"))
    certificate.write_bytes(signer.pem)
    key.write_bytes(signer.key_pem)
    path.rename(plain)
    run(tool("osslsigncode"), "sign", "-certs", certificate, "-key", key, "-in", plain, "-out", path)


@cache
def _signer() -> Entity:
    return entity("Example Packaging", usages=[CODE])
