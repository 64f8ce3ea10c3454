"""Fingerprints in models: owners' networks, customers' copies, what is done to them, and whom it betrays."""
