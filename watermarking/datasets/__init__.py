"""Whole data sets: what they carry together, and whose copy leaked."""
