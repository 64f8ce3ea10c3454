"""Parts of ``reversible``: layers of samples, the sheet with its header, the search for the least change."""
