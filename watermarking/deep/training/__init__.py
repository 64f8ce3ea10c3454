"""Training of the networks: data, losses, attacks, checkpoints, the loop."""
