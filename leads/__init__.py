"""People and the ground they stand on: tenants, users, leads, events, conversations, alerts.

And the pipes: bus, live updates, GHL, ML ground, access, health.
"""
