"""Bilevel autoresearch: an outer loop that rewrites how the inner loop searches."""
