"""Benchmarks: figures compared with budgets, as ratios within one run. They are not tests and never fail a build."""
