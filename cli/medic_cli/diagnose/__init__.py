"""`medic diagnose`: the rooms of the Lambda, for a person at a terminal."""
