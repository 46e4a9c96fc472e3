"""Every kind of alert, composed from one invented app: for the tests, and as pictures for the docs."""
