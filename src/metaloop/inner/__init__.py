"""Level 1: propose a change, run it, keep it or discard it."""
