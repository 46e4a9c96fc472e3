"""A model of how workers, a person and crashes meet on one branch, and its replay on the real code."""
