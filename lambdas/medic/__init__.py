"""The core of Amplify Medic: the code that the Lambda functions share. The CLI uses it too."""
