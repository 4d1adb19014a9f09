"""Search mechanisms: their contract, the sandboxed process they live in, and who gets a trial."""
