"""Homes: listings, neighbourhoods, market; and the fit between a person and a home, or a home and a home."""
