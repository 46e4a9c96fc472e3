"""The smaller commands of `medic`, one module each."""
