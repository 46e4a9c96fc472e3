"""Compares our evaluation of trust policies with an evaluator that others wrote. `make proof` runs it."""
