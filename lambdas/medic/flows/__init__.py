"""The flows that `pipeline` selects from, one for each kind of message, and the steps that they share.

Every flow may raise these, so only what is particular is named where it is raised:
RetryableError: AWS throttled or could not be reached. BusyError: another invocation works on this branch.
UsedUpError: another invocation has used the request.
"""
