"""What a call costs, in US dollars, from the tables of genai-prices."""

from __future__ import annotations

from metaloop.models.reference import Reference

MOST_TOKENS = 10**8
"""Of one call; more is garbage, whoever tells it, and no store holds all that could be told."""


def plausible(input_tokens: int, output_tokens: int) -> bool:
    """False for counts that no call has."""
    return 0 <= input_tokens <= MOST_TOKENS and 0 <= output_tokens <= MOST_TOKENS


def price(reference: Reference, input_tokens: int, output_tokens: int) -> float | None:
    """Dollars for so many tokens: 0.0 for local models, None (never 0) when nobody knows."""
    if reference.provider == "local":
        return 0.0
    if not plausible(input_tokens, output_tokens):
        return None
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    try:
        if reference.url:
            cost = calc_price(usage, reference.name, provider_api_url=reference.url)
        else:
            cost = calc_price(usage, reference.name, provider_id=reference.provider)
    except LookupError:
        return None
    return float(cost.total_price)


def priced(ref: str) -> bool:
    """True when the price of the model that `ref` names is known."""
    return price(Reference.parse(ref), 1000, 1000) is not None
