"""The commands that ask the deployed bot: they work under its operator role, and change nothing themselves."""
