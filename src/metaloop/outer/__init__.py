"""Levels 1.5 and 2: tune the strategy; invent a mechanism, prove, screen and install it."""
