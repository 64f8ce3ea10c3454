"""One picture, marked, attacked and read back, as a page that needs nothing else."""
