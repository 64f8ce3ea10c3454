"""What thieves do to be rid of a classifier's mark, and what it costs them."""
