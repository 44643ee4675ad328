"""Things that move in steps: automations and the deals both sides share."""
