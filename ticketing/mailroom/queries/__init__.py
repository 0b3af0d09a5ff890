"""What of the mail people are shown."""
