"""What is around homes, each row with whom it is from and of when; never crime, never who lives there."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db import models
from django.utils import timezone

from leads.models import Tenant, User
from matching import factors, geo
from matching.models.listings import Listing
from matching.places.catalogue import LABELS
from matching.transit import StopMode

CATEGORIES = [(kind.value, label) for kind, label in LABELS.items()]
MODES = [(mode.value, mode.value.title()) for mode in StopMode]
SOMEWHERE = models.Q(latitude__range=(-90, 90), longitude__range=(-180, 180)) & ~models.Q(
    latitude=0, longitude=0
)


class PlaceKind(models.TextChoices):
    """Files of places, by what they hold."""

    NEIGHBORHOODS = "neighborhoods", "Neighborhoods"
    SCHOOLS = "schools", "Schools"
    POIS = "pois", "Shops, parks and other places"
    TRANSIT = "transit", "Buses and trains"


class PlaceImport(models.Model):
    """A file of places: whose, of when, how far it is, and what became of its rows."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Complete"
        FAILED = "failed", "Nothing kept"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="place_imports", db_index=False)
    by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=13, choices=PlaceKind.choices)
    file_name = models.CharField(max_length=200)
    digest = models.CharField(max_length=64, help_text="Of the file; tells a repeat.")
    content = models.BinaryField(blank=True, help_text="The file, until the import ends.")
    source = models.CharField(max_length=100, help_text="Whose data it is, as pages name it.")
    source_date = models.DateField(help_text="Of when the data are.")
    licence = models.CharField(max_length=200, blank=True)
    replaces = models.BooleanField(
        default=False, help_text="Whether rows of this source that the file has not are removed."
    )
    category = models.CharField(
        max_length=13, choices=CATEGORIES, blank=True, help_text="What places are whose tags do not say."
    )
    name_property = models.CharField(max_length=100, blank=True, help_text="Where areas have their names.")
    state = models.CharField(max_length=7, choices=State.choices, default=State.RUNNING)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    ignored = models.PositiveIntegerField(default=0, help_text="Rows of no kind we keep: bins, parking.")
    failed = models.PositiveIntegerField(default=0)
    errors = models.JSONField(default=list, blank=True, help_text="[{row, field, what, mend}].")
    error = models.CharField(max_length=500, blank=True)
    left_out = models.JSONField(default=list, blank=True, help_text="Columns nothing was taken from.")
    leased_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="place_import_recent"),
            models.Index(
                fields=["leased_until"], condition=models.Q(state="running"), name="place_import_running"
            ),
        ]

    def __str__(self) -> str:
        return f"import {self.pk} of places"

    @property
    def is_running(self) -> bool:
        return self.state == self.State.RUNNING


class Place(models.Model):
    """Something on the map, known by its source's own id."""

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="%(class)s_rows", db_index=False
    )
    place_import = models.ForeignKey(
        PlaceImport, on_delete=models.SET_NULL, null=True, blank=True, related_name="%(class)s_rows"
    )
    external_id = models.CharField(max_length=100)
    name = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=100)
    source_date = models.DateField()
    licence = models.CharField(max_length=200, blank=True)

    class Meta:
        abstract = True


class Neighborhood(Place):
    """An area with a name and an outline."""

    slug = models.SlugField(max_length=120, db_index=False)
    boundary = models.JSONField(help_text="Coordinates of a GeoJSON MultiPolygon.")
    square_miles = models.FloatField()
    south = models.FloatField()
    west = models.FloatField()
    north = models.FloatField()
    east = models.FloatField()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "source", "external_id"], name="neighborhood_once"),
            models.UniqueConstraint(fields=["tenant", "slug"], name="neighborhood_slug"),
            models.CheckConstraint(
                condition=models.Q(south__lt=models.F("north"), west__lt=models.F("east")),
                name="neighborhood_has_extent",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def outline(self) -> geo.Outline:
        return geo.outline_of(self.boundary)


class School(Place):
    """A school, and how its pupils grew in the state's tests where that is told."""

    class Level(models.TextChoices):
        ELEMENTARY = "elementary", "Elementary"
        MIDDLE = "middle", "Middle"
        HIGH = "high", "High"
        OTHER = "other", "Other"

    nces_id = models.CharField(max_length=12, blank=True)
    level = models.CharField(max_length=10, choices=Level.choices, default=Level.OTHER)
    low_grade = models.CharField(max_length=4, blank=True)
    high_grade = models.CharField(max_length=4, blank=True)
    district = models.CharField(max_length=200, blank=True)
    latitude = models.FloatField()
    longitude = models.FloatField()
    growth_percentile = models.FloatField(
        null=True, blank=True, help_text="Of the state's schools of its level, 0 to 100."
    )
    tested_students = models.PositiveIntegerField(null=True, blank=True)
    year = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Of the growth figure.")
    url = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "source", "external_id"], name="school_once"),
            models.CheckConstraint(condition=SOMEWHERE, name="school_is_somewhere"),
            models.CheckConstraint(
                condition=models.Q(growth_percentile__isnull=True)
                | models.Q(growth_percentile__range=(0, 100)),
                name="school_growth_in_range",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def grades(self) -> str:
        return "–".join(filter(None, dict.fromkeys((self.low_grade, self.high_grade))))

    @property
    def growth(self) -> float | None:
        """Return the growth percentile as it counts, 0–1; None where it or who was tested is not told."""
        if self.growth_percentile is None or self.tested_students is None:
            return None
        told = np.array([self.growth_percentile / 100]), np.array([float(self.tested_students)])
        return float(factors.shrunk(*told)[0])

    @property
    def growth_percent(self) -> float | None:
        return None if self.growth is None else 100 * self.growth


class PointOfInterest(Place):
    """A shop, park or other place of one of our kinds."""

    category = models.CharField(max_length=13, choices=CATEGORIES)
    latitude = models.FloatField()
    longitude = models.FloatField()
    outline = models.JSONField(
        null=True, blank=True, help_text="Points along the edge of a large place: [[latitude, longitude]]."
    )

    class Meta:
        ordering = ["category", "name", "pk"]
        verbose_name_plural = "points of interest"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "source", "external_id"], name="poi_once"),
            models.CheckConstraint(condition=SOMEWHERE, name="poi_is_somewhere"),
        ]
        indexes = [models.Index(fields=["tenant", "category"], name="poi_by_category")]

    def __str__(self) -> str:
        return self.name or f"{self.get_category_display()} {self.pk}"


class TransitStop(Place):
    """A stop of a timetable, and what leaves from it on a typical weekday."""

    mode = models.CharField(max_length=6, choices=MODES)
    latitude = models.FloatField()
    longitude = models.FloatField()
    by_hour = models.JSONField(help_text="Departures in each of 24 hours.")
    departures = models.PositiveIntegerField(help_text="Of the whole day.")
    headway = models.FloatField(null=True, blank=True, help_text="Minutes between two on one line, its best.")
    lines = models.JSONField(help_text="[{line, name, mode, ways, departures}].")
    service_date = models.DateField(help_text="The weekday that was counted.")

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "source", "external_id"], name="stop_once"),
            models.CheckConstraint(condition=SOMEWHERE, name="stop_is_somewhere"),
        ]

    def __str__(self) -> str:
        return self.name or f"stop {self.external_id}"


class AgencyLink(models.Model):
    """Where a jurisdiction's police publish their own figures: a link, never a figure of ours."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="agency_links", db_index=False)
    name = models.CharField(max_length=200)
    city = models.CharField(max_length=50, blank=True, help_text="Empty: the whole county.")
    county = models.CharField(max_length=50, blank=True)
    state_or_province = models.CharField(max_length=2)
    url = models.CharField(max_length=500)
    checked_on = models.DateField(help_text="When somebody last saw that the link works.")
    made_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )

    class Meta:
        ordering = ["state_or_province", "city", "county", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "state_or_province", "county", "city"], name="agency_link_once"
            ),
            models.CheckConstraint(condition=models.Q(url__startswith="https://"), name="agency_link_https"),
            models.CheckConstraint(
                condition=~models.Q(city="", county=""), name="agency_link_is_of_somewhere"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ListingPlaces(models.Model):
    """What is around a listing, worked out from the places known; null is unknown, never nothing."""

    listing = models.OneToOneField(Listing, on_delete=models.CASCADE, primary_key=True, related_name="places")
    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="listing_places", db_index=False
    )
    latitude = models.FloatField(help_text="Where the listing was then.")
    longitude = models.FloatField()
    neighborhood = models.ForeignKey(
        Neighborhood, on_delete=models.SET_NULL, null=True, blank=True, related_name="listing_places"
    )
    walkability = models.FloatField(null=True, blank=True, help_text="Our estimate, 0 to 100.")
    walkability_known = models.FloatField(
        null=True, blank=True, help_text="Share of its fifteen points that could be judged."
    )
    walkability_parts = models.JSONField(default=dict, blank=True, help_text="Kind of place → points.")
    comfort = models.FloatField(
        null=True, blank=True, help_text="Benches, bicycle parking, water about: 0 to 100."
    )
    transit = models.FloatField(null=True, blank=True, help_text="Usefulness of transit, 0 to 100.")
    nearest = models.JSONField(
        default=dict, blank=True, help_text="Kind of place → [miles, id of the place]; straight lines."
    )
    stop = models.ForeignKey(
        TransitStop,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="That serves best within a mile on foot, else the nearest.",
    )
    stop_miles = models.FloatField(null=True, blank=True, help_text="In a straight line, as all miles here.")
    headway = models.FloatField(null=True, blank=True, help_text="Minutes between departures there.")
    nearest_school = models.ForeignKey(
        School, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    school_miles = models.FloatField(null=True, blank=True)
    made_from = models.JSONField(default=dict, blank=True, help_text="Kind of file → ids of the imports.")
    computed_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "listing places"
        indexes = [
            models.Index(fields=["tenant", "walkability"], name="listing_places_walkable"),
        ]

    def __str__(self) -> str:
        return f"places of listing {self.listing_id}"

    def miles_to(self, category: str) -> float | None:
        """Return straight miles to the nearest place of a kind."""
        told: list[Any] | None = self.nearest.get(category)
        return None if told is None else float(told[0])
