"""Proves that the built wheel and sdist install, and that the installed `medic` works: `make package` runs it."""
