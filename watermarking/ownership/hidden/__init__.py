"""H and R with a key: a hidden direction in every answer, found again without the owner's own answer."""
