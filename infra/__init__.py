"""Amplify Medic's AWS resources: one construct for each capability, and one stack that composes them."""
