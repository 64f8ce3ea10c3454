"""Picture files in memory: formats, samples, metadata."""
