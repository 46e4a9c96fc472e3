"""Amplify Medic's core: everything that ships in the Lambda and is shared by its functions."""
