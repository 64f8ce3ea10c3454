"""Thieves of classifiers: what they train, what they answer, and how it is judged.

Training and judging are apart. Training needs a GPU for minutes or a CPU for hours, and neither the marks' readers nor
what the other benchmarks load; it leaves answers to fixed inputs. Judging reads those.
"""
