"""Benchmarks: figures as ratios within one run, against budgets. Nothing here is a test, and nothing fails a build."""
