"""Where samples come from and go to: one file a kind of store."""
