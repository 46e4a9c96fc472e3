"""`medic`, the command line."""
