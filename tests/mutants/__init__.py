"""Mutants: deliberate faults in the product. At least one test must fail for each (`make mutants`)."""
