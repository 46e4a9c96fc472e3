"""The flows that `pipeline` selects from, one for each kind of message, and the steps that they share."""
