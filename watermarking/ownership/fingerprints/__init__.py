"""A fingerprint in every customer's copy of a model, and who leaked the one that turned up."""
