"""Whole data sets: marked with a record of every sample, what they carry together, and whose copy leaked."""
