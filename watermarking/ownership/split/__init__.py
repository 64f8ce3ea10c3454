"""Training in parts: data holders keep data and the first layers, a server the rest; see docs/split-training.md."""
