"""What owners of classifiers keep in files: inputs, answers, labels, and the mark; nothing is ever unpickled."""
