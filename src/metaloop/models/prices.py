"""What a call costs, in US dollars, from the tables of genai-prices."""

from __future__ import annotations

from metaloop.models.reference import Reference


def price(reference: Reference, input_tokens: int, output_tokens: int) -> float | None:
    """Dollars for so many tokens: 0.0 for local models, None (never 0) when nobody knows."""
    if reference.provider == "local":
        return 0.0
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
