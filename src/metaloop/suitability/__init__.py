"""`metaloop init` and `check`: is a task fit for autoresearch? Measured by running it."""
