"""The main job on a local cloud, told as it happens: a real deployment, real events, real alerts."""
