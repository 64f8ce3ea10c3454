"""What all benchmark scripts stand on: grids, cells, stores of rows, photographs, workers, tables."""
