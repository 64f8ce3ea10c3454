"""Collusion-secure codes: who took part in a copy that several customers merged from theirs."""
