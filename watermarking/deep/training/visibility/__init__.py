"""Metrics of visibility, differentiable: what a network learns to keep low."""
