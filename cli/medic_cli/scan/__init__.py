"""The account-wide look: every app and branch, each role once, within the rates that AWS permits."""
