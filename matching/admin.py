from __future__ import annotations

from django.contrib import admin

from leads.admin_site import RecordAdmin, TenantFilter, tenant_filter
from matching.models import (
    AgencyLink,
    AreaGroup,
    Counterfactual,
    Criteria,
    Exposure,
    Feed,
    FeedRun,
    Household,
    Listing,
    ListingMapping,
    ListingPlaces,
    MarketSeries,
    MarketSnapshot,
    Match,
    Media,
    Member,
    Neighborhood,
    Office,
    OpenHouse,
    PlaceImport,
    PointOfInterest,
    PriceChange,
    Ranking,
    SavedSearch,
    School,
    SentListing,
    StatusChange,
    TextFinding,
    TextsRead,
    TransitStop,
)


@admin.register(Listing)
class ListingAdmin(RecordAdmin):
    """Homes, which come from a feed, a file or the agents' own form."""

    list_display = (
        "id",
        "tenant",
        "listing_id",
        "standard_status",
        "list_price",
        "unparsed_address",
        "city",
        "updated_at",
    )
    list_filter = ("standard_status", "property_type", TenantFilter)
    list_select_related = ("tenant",)
    search_number = ("pk",)
    search_exact = ("listing_key", "listing_id", "postal_code")
    search_help_text = "A number is looked up as an id; anything else as a whole key, MLS number or ZIP code."


@admin.register(PriceChange)
class PriceChangeAdmin(RecordAdmin):
    """What prices were before."""

    tenant_path = "listing__tenant"
    list_display = ("id", "listing_id", "old", "new", "changed_at")
    list_filter = (tenant_filter("listing__tenant"),)
    search_number = ("pk", "listing_id")


@admin.register(StatusChange)
class StatusChangeAdmin(RecordAdmin):
    """What became of listings, and when."""

    tenant_path = "listing__tenant"
    list_display = ("id", "listing_id", "old", "new", "changed_at")
    list_filter = ("new", tenant_filter("listing__tenant"))
    search_number = ("pk", "listing_id")


@admin.register(Media)
class MediaAdmin(RecordAdmin):
    """Photos and plans of listings."""

    tenant_path = "listing__tenant"
    exclude = ("content",)
    list_display = ("id", "listing_id", "media_key", "media_category", "order", "media_alteration")
    list_filter = (tenant_filter("listing__tenant"),)
    search_number = ("pk", "listing_id")


@admin.register(OpenHouse)
class OpenHouseAdmin(RecordAdmin):
    """Hours at which homes are open."""

    tenant_path = "listing__tenant"
    list_display = ("id", "listing_id", "starts_at", "ends_at", "open_house_type", "open_house_status")
    list_filter = (tenant_filter("listing__tenant"),)
    search_number = ("pk", "listing_id")


@admin.register(Member)
class MemberAdmin(RecordAdmin):
    """Agents as their MLS knows them."""

    list_display = ("id", "tenant", "member_key", "member_full_name", "member_status")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    search_number = ("pk",)
    search_exact = ("member_key", "member_mls_id")


@admin.register(Office)
class OfficeAdmin(RecordAdmin):
    """Brokerage offices as their MLS knows them."""

    list_display = ("id", "tenant", "office_key", "office_name", "is_in_idx")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    search_number = ("pk",)
    search_exact = ("office_key", "office_mls_id")


@admin.register(Feed)
class FeedAdmin(RecordAdmin):
    """Where listings come from, and how far each is; set up on the listing pages."""

    exclude = ("client_id", "client_secret", "access_token")
    list_display = ("id", "tenant", "name", "state", "read_at", "reconciled_at", "due_at")
    list_filter = ("state", TenantFilter)
    list_select_related = ("tenant",)
    search_number = ("pk",)


@admin.register(FeedRun)
class FeedRunAdmin(RecordAdmin):
    """What came at each reading, and what was refused."""

    list_display = (
        "id",
        "tenant",
        "source",
        "done",
        "created",
        "updated",
        "unchanged",
        "failed",
        "begun_at",
        "ended_at",
    )
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    search_number = ("pk", "feed_id")


@admin.register(Criteria)
class CriteriaAdmin(RecordAdmin):
    """What leads look for, which is changed on the lead's page."""

    list_display = ("id", "tenant", "lead_id", "household_id", "learned_event_id", "changed_at")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    search_number = ("pk", "lead_id")


@admin.register(Household)
class HouseholdAdmin(RecordAdmin):
    """Leads who look for one home together."""

    list_display = ("id", "tenant", "made_at")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    search_number = ("pk",)


@admin.register(SavedSearch)
class SavedSearchAdmin(RecordAdmin):
    """Searches leads are told of by themselves."""

    list_display = ("id", "tenant", "lead_id", "frequency", "due_at", "told_at", "changed_at")
    list_filter = ("frequency", TenantFilter)
    list_select_related = ("tenant",)
    search_number = ("pk", "lead_id")


@admin.register(Match)
class MatchAdmin(RecordAdmin):
    """Homes that began to fit leads."""

    list_display = ("id", "tenant", "lead_id", "listing_id", "why", "score", "matched_at", "told_at")
    list_filter = ("why", TenantFilter)
    list_select_related = ("tenant",)
    search_number = ("pk", "lead_id", "listing_id")


@admin.register(SentListing)
class SentListingAdmin(RecordAdmin):
    """Homes agents sent, and when they were opened."""

    exclude = ("token",)
    list_display = ("id", "tenant", "lead_id", "listing_id", "sent_at", "opened", "opened_at")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    search_number = ("pk", "lead_id", "listing_id")


@admin.register(MarketSnapshot)
class MarketSnapshotAdmin(RecordAdmin):
    """What listings told of a month's market."""

    list_display = ("id", "tenant", "area_kind", "area", "property_sub_type", "month", "as_of", "computed_at")
    list_filter = ("area_kind", TenantFilter)
    list_select_related = ("tenant",)
    search_number = ("pk",)
    search_exact = ("area",)


@admin.register(MarketSeries)
class MarketSeriesAdmin(RecordAdmin):
    """Figures of the market from outside."""

    list_display = ("id", "tenant", "measure", "region", "day", "value", "source")
    list_filter = ("measure", TenantFilter)
    list_select_related = ("tenant",)
    search_number = ("pk",)
    search_exact = ("region",)


@admin.register(Ranking)
class RankingAdmin(RecordAdmin):
    """Lists of homes shown to leads."""

    list_display = ("id", "tenant", "lead_id", "surface", "shown", "version", "shown_at")
    list_filter = ("surface", TenantFilter)
    list_select_related = ("tenant",)
    search_number = ("pk", "lead_id")


@admin.register(Exposure)
class ExposureAdmin(RecordAdmin):
    """Homes shown, each at its rank."""

    list_display = ("id", "tenant", "lead_id", "listing_id", "surface", "rank", "shown_at")
    list_filter = ("surface", TenantFilter)
    list_select_related = ("tenant",)
    search_number = ("pk", "lead_id", "listing_id")


@admin.register(AreaGroup)
class AreaGroupAdmin(RecordAdmin):
    """Groups of areas that exposure is compared between."""

    list_display = ("id", "tenant", "area", "group", "imported_at")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    search_number = ("pk",)
    search_exact = ("area", "group")


@admin.register(TextFinding)
class TextFindingAdmin(RecordAdmin):
    """Sentences that fair housing forbids or that come close to it."""

    list_display = ("id", "tenant", "listing_id", "place", "term", "severity", "state", "found_at")
    list_filter = ("state", "severity", "place", TenantFilter)
    list_select_related = ("tenant",)
    search_number = ("pk", "listing_id")
    search_exact = ("term",)


@admin.register(TextsRead)
class TextsReadAdmin(RecordAdmin):
    """How far remarks have been checked."""

    list_display = ("id", "tenant", "read", "read_to", "read_at")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    search_number = ("pk",)


@admin.register(Counterfactual)
class CounterfactualAdmin(RecordAdmin):
    """Trials of whether scores move with what must not matter."""

    list_display = ("id", "tenant", "version", "buyers", "listings", "moved", "ran_at")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    search_number = ("pk",)


@admin.register(PlaceImport)
class PlaceImportAdmin(RecordAdmin):
    """Files of places: what came of each."""

    exclude = ("content",)
    list_display = (
        "id",
        "tenant",
        "kind",
        "source",
        "source_date",
        "state",
        "created",
        "updated",
        "unchanged",
        "removed",
        "failed",
        "ended_at",
    )
    list_filter = ("kind", "state", TenantFilter)
    list_select_related = ("tenant",)
    search_number = ("pk",)


class PlaceAdmin(RecordAdmin):
    """Places, which come from files."""

    list_select_related = ("tenant",)
    search_number = ("pk",)
    search_exact = ("external_id",)
    search_help_text = "A number is looked up as an id; anything else as the source's own id."


@admin.register(Neighborhood)
class NeighborhoodAdmin(PlaceAdmin):
    """Areas with names and outlines."""

    list_display = ("id", "tenant", "name", "slug", "square_miles", "source", "source_date")
    list_filter = (TenantFilter,)


@admin.register(School)
class SchoolAdmin(PlaceAdmin):
    """Schools, with their source and year."""

    list_display = ("id", "tenant", "name", "level", "district", "growth_percentile", "year", "source")
    list_filter = ("level", TenantFilter)


@admin.register(PointOfInterest)
class PointOfInterestAdmin(PlaceAdmin):
    """Shops, parks and other places of our kinds."""

    list_display = ("id", "tenant", "category", "name", "source", "source_date")
    list_filter = ("category", TenantFilter)


@admin.register(TransitStop)
class TransitStopAdmin(PlaceAdmin):
    """Stops of timetables."""

    list_display = ("id", "tenant", "name", "mode", "departures", "headway", "source", "service_date")
    list_filter = ("mode", TenantFilter)


@admin.register(AgencyLink)
class AgencyLinkAdmin(RecordAdmin):
    """Links to what police agencies publish; kept on the settings page."""

    list_display = ("id", "tenant", "name", "city", "county", "state_or_province", "url", "checked_on")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    search_number = ("pk",)


@admin.register(ListingPlaces)
class ListingPlacesAdmin(RecordAdmin):
    """What is around each listing."""

    list_display = (
        "listing_id",
        "tenant",
        "neighborhood_id",
        "walkability",
        "comfort",
        "transit",
        "computed_at",
    )
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    search_number = ("pk",)


@admin.register(ListingMapping)
class ListingMappingAdmin(RecordAdmin):
    """How columns of files are read, as saved by `import_listings`."""

    list_display = ("id", "tenant", "name", "updated_at")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    search_number = ("pk",)
    search_exact = ("name",)
