"""Whole data sets: marked with a record of every sample, gone on with after any interruption, verified and read back."""
