"""What classifiers learn: labelled data, networks, and the training of one or of many at once."""
