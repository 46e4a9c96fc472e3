"""The commands that send a request to the deployed bot. They use its operator role and change nothing themselves."""
