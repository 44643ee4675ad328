"""Rank homes for people by what they and others did: learned from the past, pure, no database."""
