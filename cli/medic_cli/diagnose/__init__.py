"""`medic diagnose`: the bot's diagnosis, run with the user's credentials or from files."""
