"""`make demo`: the bot's main job on a local cloud, with commentary. The deployment, events and alerts are real."""
