"""The admin's site and the ground of its pages: scoped to tenants, and quick at 100,000 rows.

Superusers see all. An admin of a tenant who is staff sees the rows of their tenants, and changes only what
cannot give them more than they have.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import ForeignKey, ManyToManyField, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from leads.models import Membership, Role, Tenant, User

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    Pages = Paginator[Any]
else:
    ModelAdmin, Pages = admin.ModelAdmin, Paginator

MOST_ROWS = 10_000
MOST_TENANTS = 200


def tenants_of(request: HttpRequest) -> list[int] | None:
    """Return the tenants whose rows a request may see; None means all."""
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        return []
    if user.is_superuser:
        return None
    if not user.is_staff:
        return []
    known: list[int] | None = getattr(request, "_admin_tenants", None)
    if known is None:
        known = list(
            Membership.objects.filter(
                user=user, role=Role.ADMIN, is_active=True, tenant__is_active=True
            ).values_list("tenant_id", flat=True)
        )
        request._admin_tenants = known  # type: ignore[attr-defined]
    return known


class HearthlineSite(admin.AdminSite):
    """The admin, entered by the product's own sign-in."""

    site_title = "Hearthline admin"
    site_header = "Hearthline admin"
    index_title = "Tables"
    empty_value_display = "–"
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        return tenants_of(request) != []

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied("The admin is for admins.")
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))


class BoundedPaginator(Pages):
    """Pages that stop counting at 10,000 rows: nobody leafs further, and counting a large table is slow."""

    @cached_property
    def count(self) -> int:
        rows = cast(QuerySet[Any], self.object_list)
        return rows.order_by()[:MOST_ROWS].count()


class TenantFilter(admin.SimpleListFilter):
    """Rows of one tenant."""

    title = "tenant"
    parameter_name = "tenant"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        tenants = Tenant.objects.order_by("name")
        mine = tenants_of(request)
        if mine is not None:
            tenants = tenants.filter(pk__in=mine)
        return [(str(pk), name) for pk, name in tenants.values_list("pk", "name")[:MOST_TENANTS]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None or not value.isdecimal():
            return queryset
        path: str = self.model_path
        return queryset.filter(**{path: int(value)})

    model_path = "tenant"


class TenantAdmin(ModelAdmin):
    """A table of rows that belong to tenants by `tenant_path`."""

    tenant_path = "tenant"
    managed = False
    """Whether admins of a tenant, not superusers alone, may add and change its rows."""

    search_exact: tuple[str, ...] = ()
    """Columns that a search term must equal."""

    search_number: tuple[str, ...] = ("pk",)
    """Columns that a whole number searched for must equal."""

    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    ordering: ClassVar[tuple[str, ...]] = ("-pk",)
    search_help_text = "A number is looked up as an id."

    def get_search_fields(self, request: HttpRequest) -> Any:
        return self.search_fields or (*self.search_number, *self.search_exact)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Look terms up by equality, which indexes answer; no table is read through."""
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = Q(pk__in=[])
        if term.isdecimal() and len(term) < 19:
            for column in self.search_number:
                wanted |= Q(**{column: int(term)})
        for column in self.search_exact:
            wanted |= Q(**{column: term})
        return queryset.filter(wanted), False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        mine = tenants_of(request)
        return rows if mine is None else rows.filter(**{f"{self.tenant_path}__in": mine})

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        self._narrow(db_field.related_model, request, kwargs)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        self._narrow(db_field.related_model, request, kwargs)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def _narrow(self, related: Any, request: HttpRequest, kwargs: dict[str, Any]) -> None:
        """Let a row be tied only to rows that may be seen."""
        if self.admin_site.is_registered(related):
            kwargs["queryset"] = self.admin_site.get_model_admin(related).get_queryset(request)

    def _may(self, request: HttpRequest) -> bool:
        mine = tenants_of(request)
        return mine is None or (bool(mine) and self.managed)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return tenants_of(request) != []

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return tenants_of(request) != []

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return tenants_of(request) is None


class RecordAdmin(TenantAdmin):
    """A table that the product alone writes: looked at, never changed here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def tenant_filter(path: str) -> type[TenantFilter]:
    """Return the tenant filter of rows that reach their tenant by a path."""
    return type("TenantFilter", (TenantFilter,), {"model_path": path})
