"""People and the ground they stand on: tenants, users, leads, events, conversations, alerts; and the bus, live updates, GHL, ML ground, access, health."""
