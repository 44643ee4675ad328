"""A made-up brokerage that speaks GoHighLevel: seeded people, their months of history, live traffic.

Nothing here is anyone's data: names, numbers and addresses are invented (phones from the 555-01xx range,
e-mail addresses under example.com), and every tenant it writes to is marked as simulated.
"""

from leads.ghl.simulator.people import Person, make_people
from leads.ghl.simulator.story import tell_story
from leads.ghl.simulator.traffic import Traffic

__all__ = ["Person", "Traffic", "make_people", "tell_story"]
