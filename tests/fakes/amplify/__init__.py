"""A fake AWS Amplify Hosting for tests: a core without a framework, and an adapter for each emulator."""
