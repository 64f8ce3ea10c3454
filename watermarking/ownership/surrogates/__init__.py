"""The surrogate zoo: what thieves train on a model's answers, and what they do to it afterwards."""
