"""Working hours, public holidays and time zones."""
