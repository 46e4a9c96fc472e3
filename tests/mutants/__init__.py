"""Mutants: faults put into the product on purpose, each of which some test must notice (`make mutants`)."""
