"""A model that is several: each query goes to the one whose answers to its like earned most."""
