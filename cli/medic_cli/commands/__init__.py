"""The commands of `medic`, one module each, loaded when called."""
