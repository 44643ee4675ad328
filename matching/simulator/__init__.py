"""A drawn market for the demo and for benchmarks: nobody lives there, and everything in it says so."""

from matching.simulator.ground import Ground, Hood, draw_ground
from matching.simulator.homes import make_listings
from matching.simulator.places import make_gtfs, make_places, make_schools

__all__ = ["Ground", "Hood", "draw_ground", "make_gtfs", "make_listings", "make_places", "make_schools"]
