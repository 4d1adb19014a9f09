"""Designed experiments over runs: factors, paired seeds, and the statistics over them."""
