"""Locked judge: what scores a candidate is out of its reach."""

from __future__ import annotations

from metaloop.guard.base import Promotion, Verdict


class Locked:
    """Tells which judge it was. One that a run has touched gives no score: that never gets here."""

    name = "locked judge"

    def __init__(self, fingerprint: str) -> None:
        """`fingerprint`: SHA-256 of all that judges; empty where the program scores itself."""
        self._fingerprint = fingerprint

    async def check(self, promotion: Promotion) -> Verdict:  # noqa: ARG002
        """The evidence alone; it is passed by whatever has a score."""
        if not self._fingerprint:
            return Verdict(self.name, "passed", "none: the program scores itself")
        return Verdict(self.name, "passed", f"unchanged, SHA-256 {self._fingerprint[:12]}")
