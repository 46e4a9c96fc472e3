"""`medic scan`: check every app and branch of an account, within AWS's request rates."""
