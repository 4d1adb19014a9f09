"""Checks that a gain is real."""
