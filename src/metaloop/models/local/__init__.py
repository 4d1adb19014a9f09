"""Models that run on this machine: the catalogue, their weights, and the server in process."""
