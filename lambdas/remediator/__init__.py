"""The remediator: the only function that may change roles or start builds."""

import gc

gc.disable()  # while everything is imported; handler.py enables it again
