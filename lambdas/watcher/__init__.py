"""The watcher: runs every minute, finds what is due, reads SSR logs and wakes the remediator."""

import gc

gc.disable()  # while everything is imported; handler.py enables it again
