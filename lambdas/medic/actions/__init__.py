"""Set a role, undo that, retry a job. Only this room changes anything in Amplify; callers record the intent first."""
