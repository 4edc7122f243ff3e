"""Tiers: which models the operator has configured, and in which order they are asked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from assent.models.tasks import TIERS, Accuracy

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

VARIABLE = "ASSENT_MODEL_TIER"
COUNT = 3
_OWN = "python:"
"""Prefix of a model that the operator's own code makes: ``python:package.module:function``."""


@dataclass(frozen=True)
class TierModel:
    """The model of a tier.

    Attributes:
        tier: 1, the most capable, to 3, the cheapest.
        name: as configured, such as ``anthropic:claude-sonnet-4-5``.
    """

    tier: int
    name: str


class ModelUnavailableError(Exception):
    """The model cannot be used here: its library is missing, or it refuses its settings."""


def configured() -> dict[int, str]:
    """Return the names of the configured models by tier, from `ASSENT_MODEL_TIER1` to `ASSENT_MODEL_TIER3`."""
    names = {tier: os.environ.get(f"{VARIABLE}{tier}", "").strip() for tier in range(1, COUNT + 1)}
    return {tier: name for tier, name in names.items() if name}


def order(accuracy: Accuracy) -> list[TierModel]:
    """Return the models to ask, the first one first, each model once.

    The tier for the accuracy comes first, then more capable tiers, the nearest first, and then less capable ones.
    """
    first, names = TIERS[accuracy], configured()
    tiers = [first, *range(first - 1, 0, -1), *range(first + 1, COUNT + 1)]
    found: dict[str, TierModel] = {}
    for tier in tiers:
        if tier in names:
            found.setdefault(names[tier], TierModel(tier, names[tier]))
    return list(found.values())


@lru_cache(maxsize=32)
def chat_model(name: str, timeout: float, longest_answer: int) -> BaseChatModel:
    """Return the model of this name. It does not repeat failed calls by itself; the next tier is asked instead.

    Raises:
        ModelUnavailableError: it cannot be used here.
    """
    limits: dict[str, Any] = {"timeout": timeout, "max_retries": 0, "max_tokens": longest_answer}
    try:
        if name.startswith(_OWN):
            module, _, function = name.removeprefix(_OWN).partition(":")
            made = getattr(import_module(module), function)()
        else:
            from langchain.chat_models import init_chat_model

            made = init_chat_model(name, **limits)
    except ImportError as error:
        raise ModelUnavailableError(f"it needs a library that is not installed ({error.name or error})") from error
    except Exception as error:
        raise ModelUnavailableError(f"it cannot be set up ({type(error).__name__})") from error
    return made
