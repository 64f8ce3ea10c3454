"""Ownership of models and data sets: marks that whoever trains on your answers learns, and the proof that they did."""
