"""The GoHighLevel side: what comes in by webhook and what we call out to."""
