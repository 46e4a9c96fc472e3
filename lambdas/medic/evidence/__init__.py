"""What AWS says about a deployment, read once and projected to named fields: no secret values, no whole answers."""
