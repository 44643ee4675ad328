"""Tenants, users, and what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from rest_framework_api_key.models import APIKey as LibraryAPIKey

from leads.admin_site import RecordAdmin, TenantAdmin, TenantFilter, tenant_filter, tenants_of
from leads.models import APIKey, Invitation, Membership, Tenant, User, UserSession
from leads.services import team
from leads.services.accounts import end_other_sessions, revoke_api_key

if TYPE_CHECKING:
    ChangeForm = UserChangeForm[User]
    CreationForm = AdminUserCreationForm[User]
    Inline = admin.TabularInline[Membership, User]
    DjangoUsers = DjangoUserAdmin[User]
else:
    ChangeForm, CreationForm = UserChangeForm, AdminUserCreationForm
    Inline, DjangoUsers = admin.TabularInline, DjangoUserAdmin

for unused in (Group, LibraryAPIKey):  # roles are memberships; keys are those of our own table
    try:
        admin.site.unregister(unused)
    except NotRegistered:
        continue


@admin.register(Tenant)
class TenantTable(TenantAdmin):
    tenant_path = "pk"
    list_display = ("name", "location_id", "is_active", "is_simulated", "installed_at", "uninstalled_at")
    list_filter = ("is_active", "is_simulated")
    search_exact = ("location_id", "company_id")
    search_fields = ("name", "location_id")
    search_help_text = "The beginning of a name, a location id or a company id."
    ordering = ("name",)
    readonly_fields = ("created_at", "installed_at", "uninstalled_at")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found, distinct = super().get_search_results(request, queryset, search_term)
        term = search_term.strip()
        return (found | queryset.filter(name__istartswith=term) if term else found), distinct


class UserForm(ChangeForm):
    class Meta:
        model = User
        fields = "__all__"


class NewUserForm(CreationForm):
    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).lower()
        if User.objects.filter(email=email).exists():
            raise forms.ValidationError("Somebody has this e-mail address already.")
        return email


class MembershipInline(Inline):
    model = Membership
    extra = 0
    max_num = 20
    raw_id_fields = ("tenant", "lead")
    fields = ("tenant", "role", "ghl_user_id", "lead", "is_active")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return tenants_of(request) is None

    has_add_permission = has_change_permission = has_delete_permission = has_view_permission


@admin.register(User)
class UserTable(DjangoUsers, TenantAdmin):
    """Logins; changed by superusers alone, for a login may belong to several tenants."""

    tenant_path = "memberships__tenant"
    form = UserForm
    add_form = NewUserForm
    ordering = ("email",)
    list_display = ("email", "name", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", tenant_filter("memberships__tenant"))
    search_fields = ("email", "name")
    search_help_text = "The beginning of an e-mail address or a name."
    readonly_fields = ("last_login", "created_at")
    filter_horizontal = ()
    inlines = (MembershipInline,)
    actions = ("sign_out",)
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Preferences", {"fields": ("density", "shortcuts_enabled")}),
        ("Dates", {"fields": ("last_login", "created_at")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "usable_password", "password1", "password2")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = User.objects.order_by(*self.ordering)
        mine = tenants_of(request)
        if mine is None:
            return rows
        return rows.filter(pk__in=Membership.objects.filter(tenant__in=mine).values("user"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(Q(email__istartswith=term) | Q(name__istartswith=term)), False

    def get_actions(self, request: HttpRequest) -> Any:
        return super().get_actions(request) if tenants_of(request) is None else {}

    @admin.action(description="Sign the chosen users out everywhere")
    def sign_out(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            end_other_sessions(user=user, keep=None)
        messages.success(request, "Signed out.")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if tenants_of(request) is None:
            return super().get_fieldsets(request, obj)
        return ((None, {"fields": ("email", "name", "is_active", "last_login", "created_at")}),)


@admin.register(Membership)
class MembershipTable(TenantAdmin):
    managed = True
    list_display = ("id", "user", "tenant", "role", "is_active", "ghl_user_id")
    list_filter = ("role", "is_active", TenantFilter)
    list_select_related = ("user", "tenant")
    search_exact = ("user__email", "ghl_user_id")
    search_number = ("pk", "user_id", "lead_id")
    search_help_text = "A whole e-mail address, a GoHighLevel user id, or the id of a user or lead."
    raw_id_fields = ("user", "tenant", "lead")
    readonly_fields = ("created_at",)


@admin.register(Invitation)
class InvitationTable(RecordAdmin):
    """Made and renewed on the team's page, where the link is shown; withdrawn here too."""

    list_display = ("id", "email", "role", "tenant", "invited_by", "expires_at", "accepted_at", "revoked_at")
    list_filter = ("role", TenantFilter)
    list_select_related = ("tenant", "invited_by")
    search_exact = ("email",)
    search_help_text = "A whole e-mail address, or an id."
    exclude = ("token_digest",)
    actions = ("withdraw",)

    @admin.action(description="Withdraw the chosen invitations")
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        for invitation in queryset:
            team.revoke_invitation(invitation=invitation)
        messages.success(request, "Withdrawn.")


@admin.register(APIKey)
class APIKeyTable(RecordAdmin):
    """Made on the account page, where the key is shown; revoked here too."""

    tenant_path = "membership__tenant"
    list_display = ("prefix", "name", "membership", "created", "expiry_date", "revoked")
    list_filter = ("revoked", tenant_filter("membership__tenant"))
    list_select_related = ("membership__user", "membership__tenant")
    search_exact = ("prefix",)
    search_number = ("membership_id",)
    search_help_text = "A key's prefix, or the id of a membership."
    ordering = ("-created",)
    fields = ("prefix", "name", "membership", "created", "expiry_date", "revoked")
    actions = ("revoke",)

    @admin.action(description="Revoke the chosen keys")
    def revoke(self, request: HttpRequest, queryset: QuerySet[APIKey]) -> None:
        for key in queryset.filter(revoked=False):
            revoke_api_key(key=key)
        messages.success(request, "Revoked.")


@admin.register(UserSession)
class UserSessionTable(RecordAdmin):
    """Signed-in browsers, never their keys; users are signed out on their own table."""

    tenant_path = "user__memberships__tenant"
    list_display = ("user", "device", "created_at", "seen_at", "expire_date")
    list_display_links = None
    list_select_related = ("user",)
    search_exact = ("user__email",)
    search_number = ("user_id",)
    search_help_text = "A whole e-mail address, or the id of a user."
    ordering = ("-seen_at",)
    fields = ("user", "device", "created_at", "seen_at", "expire_date")
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = UserSession.objects.filter(user__isnull=False)
        mine = tenants_of(request)
        if mine is None:
            return rows
        return rows.filter(user__in=Membership.objects.filter(tenant__in=mine).values("user"))
