"""Prices: what a call has cost, by the table that is part of the package `genai-prices`. Nothing is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

_PROVIDERS = {
    "anthropic_bedrock": "aws", "azure_ai": "azure", "azure_openai": "azure", "bedrock": "aws",
    "bedrock_converse": "aws", "google_genai": "google", "google_vertexai": "google", "mistralai": "mistral",
    "xai": "x-ai",
}  # fmt: skip
"""Names of LangChain's providers where the table has another one."""


@dataclass(frozen=True)
class Cost:
    """US dollars, and the version of the table that they are from."""

    dollars: Decimal
    prices: str


def cost_of(
    provider: str, model: str, input_tokens: int, output_tokens: int, cached_tokens: int, at: datetime
) -> Cost | None:
    """Return what a call has cost; None: the price is not known.

    Args:
        provider: as LangChain names it; empty: not known.
        cached_tokens: those of the input that the provider had cached.
    """
    try:
        from genai_prices import Usage, __version__, calc_price
    except ImportError:
        return None
    # Without a provider, the table looks for one that has such a model.
    named = _PROVIDERS.get(provider, provider) or None
    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens, cache_read_tokens=cached_tokens)
    try:
        found = calc_price(usage, model, provider_id=named, genai_request_timestamp=at)
    except (LookupError, ValueError):
        return None
    return Cost(found.total_price, f"genai-prices {__version__}")
