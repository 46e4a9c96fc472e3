"""Amplify Medic's AWS resources: one construct a capability, one stack that composes them."""
