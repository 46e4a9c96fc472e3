"""What the GitHub action in action.yml runs."""
