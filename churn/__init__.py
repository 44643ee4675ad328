"""How likely a lead is to go cold over 7, 14 and 30 days, and what to do about it."""
