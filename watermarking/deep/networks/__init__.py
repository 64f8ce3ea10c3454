"""The networks: H, R and D, alone and over a lattice."""
