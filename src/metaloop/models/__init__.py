"""Who thinks: models by name, recorded, metered and seated in roles."""
