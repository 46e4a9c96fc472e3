"""The function that receives clicks on the buttons of alerts in Slack."""

import gc

gc.disable()  # while everything is imported; handler.py enables it again
