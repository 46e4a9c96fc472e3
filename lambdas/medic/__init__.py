"""The core of Amplify Medic: the code that the Lambda functions share. The CLI uses it too."""

VERSION = "0.2.0"
"""The release. The wheel, the stack's output, alerts and `medic --version` take it from here."""
