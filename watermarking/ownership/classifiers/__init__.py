"""Classifiers: marks in the probabilities that they answer with, and thieves that try to be rid of them."""
