"""The record of everything that a run did: what it resumes from and what reports are made of."""
