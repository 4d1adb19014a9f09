"""Checks that a gain is real, each asked before a candidate becomes the best."""
