"""The function that receives clicks on the buttons of alerts in Slack."""
