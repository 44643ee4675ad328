"""What people change about their own account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from leads.access import (
    MEMBERSHIP_KEY,
    MemberRequest,
    UserRequest,
    agent_required,
    api_keys_for,
    get_api_key,
    memberships_of,
    safe_next,
    sessions_for,
    sign_in_required,
)
from leads.context import usual_shortcuts
from leads.errors import DomainError
from leads.forms.accounts import APIKeyForm, DensityForm, PasswordChangeForm, ProfileForm, ShortcutsForm
from leads.models import User, UserSession
from leads.services import accounts

THEMES = ("light", "dark", "system")
YEAR = 365 * 24 * 3600


@sign_in_required
@require_http_methods(["GET", "POST"])
def account(request: UserRequest) -> HttpResponse:
    """Show and change the user's name; pick the membership to act under."""
    form = ProfileForm(request.POST or None, initial={"name": request.user.name})
    if request.method == "POST" and form.is_valid():
        accounts.update_profile(user=request.user, name=form.cleaned_data["name"])
        messages.success(request, "Your name is saved.")
        return redirect("leads:account")
    context = {"form": form, "memberships": memberships_of(request.user), "section": "profile"}
    return render(request, "leads/account.html", context, status=422 if form.errors else 200)


@sign_in_required
@require_POST
def switch_membership(request: UserRequest) -> HttpResponse:
    """Act under another of the user's memberships."""
    wanted = request.POST.get("membership", "")
    chosen = next((m for m in memberships_of(request.user) if str(m.pk) == wanted), None)
    if chosen is None:
        raise Http404
    request.session[MEMBERSHIP_KEY] = chosen.pk
    return redirect(safe_next(request))


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the chosen theme in a cookie, for strangers too."""
    chosen = request.POST.get("theme", "")
    response = redirect(safe_next(request))
    if chosen in THEMES:
        response.set_cookie("theme", chosen, max_age=YEAR, samesite="Lax", secure=request.is_secure())
    return response


@sign_in_required
@require_http_methods(["GET", "POST"])
def keyboard(request: UserRequest) -> HttpResponse:
    """Change the keys of each shortcut, bring the usual ones back, turn all of them on or off."""
    user, membership = request.user, request.membership
    if "enabled" in request.POST:
        enabled = request.POST["enabled"] == "on"
        accounts.set_shortcuts(user=user, enabled=enabled)
        messages.success(request, "Shortcuts are on." if enabled else "Shortcuts are off.")
        return redirect("leads:account-keyboard")
    if "reset" in request.POST:
        accounts.choose_shortcuts(user=user, keys={})
        messages.success(request, "Every shortcut has its usual keys again.")
        return redirect("leads:account-keyboard")
    form = None
    if membership is not None and membership.is_team:
        form = ShortcutsForm(user, usual_shortcuts(membership.role), request.POST or None)
        if form.is_valid():
            accounts.choose_shortcuts(user=user, keys=form.choices())
            messages.success(request, "Your keys are saved.")
            return redirect("leads:account-keyboard")
    context = {"form": form, "section": "keyboard"}
    status = 422 if form is not None and form.errors else 200
    return render(request, "leads/account_keyboard.html", context, status=status)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A browser the user is signed in on; `ref` names it without giving its key away."""

    ref: str
    device: str
    created_at: datetime
    seen_at: datetime
    is_current: bool


@sensitive_variables()
@sensitive_post_parameters()
@sign_in_required
@require_http_methods(["GET", "POST"])
def security(request: UserRequest) -> HttpResponse:
    """Change the password; see and end sessions."""
    form = PasswordChangeForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        accounts.change_password(
            user=request.user,
            password=form.cleaned_data["password"],
            keep_session=request.session.session_key,
        )
        update_session_auth_hash(request, request.user)
        messages.success(request, "Your password is changed; other browsers and API tokens were signed out.")
        return redirect("leads:account-security")
    current = request.session.session_key
    sessions = [
        SignedIn(_ref(s), s.device or "Unknown device", s.created_at, s.seen_at, s.session_key == current)
        for s in sessions_for(request)[:50]
    ]
    context = {"form": form, "sessions": sessions, "section": "security"}
    return render(request, "leads/account_security.html", context, status=422 if form.errors else 200)


@sign_in_required
@require_POST
def end_session(request: UserRequest, ref: str) -> HttpResponse:
    """Sign out of one other browser."""
    session = next((s for s in sessions_for(request) if _ref(s) == ref), None)
    if session is None:
        raise Http404
    accounts.end_session(user=request.user, session_key=session.session_key)
    messages.success(request, f"Signed out of {session.device or 'that browser'}.")
    return redirect("leads:account-security")


@sign_in_required
@require_POST
def end_other_sessions(request: UserRequest) -> HttpResponse:
    """Sign out of every browser but this one."""
    ended = accounts.end_other_sessions(user=request.user, keep=request.session.session_key)
    messages.success(request, f"Signed out of {ended} other browser{'' if ended == 1 else 's'}.")
    return redirect("leads:account-security")


def _ref(session: UserSession) -> str:
    return salted_hmac("session-ref", session.session_key).hexdigest()[:16]


@agent_required
@require_http_methods(["GET", "POST"])
def api_keys(request: MemberRequest) -> HttpResponse:
    """List the user's API keys and make a new one, whose text is shown this once."""
    form = APIKeyForm(request.POST or None)
    new_key = ""
    if request.method == "POST" and form.is_valid():
        try:
            _, new_key = accounts.create_api_key(
                membership=request.membership, name=form.cleaned_data["name"], expires_at=form.expires_at
            )
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            form = APIKeyForm()
    context = {
        "form": form,
        "new_key": new_key,
        "keys": list(api_keys_for(cast(HttpRequest, request))),
        "section": "keys",
    }
    return render(request, "leads/account_keys.html", context, status=422 if form.errors else 200)


@agent_required
@require_POST
def revoke_api_key(request: MemberRequest, prefix: str) -> HttpResponse:
    """End one of the user's API keys."""
    key = get_api_key(request, prefix)
    accounts.revoke_api_key(key=key)
    messages.success(request, f"The key “{key.name}” no longer works.")
    return redirect("leads:account-keys")


@sign_in_required
@require_http_methods(["GET", "POST"])
def appearance(request: UserRequest) -> HttpResponse:
    """Choose the theme, which this browser keeps, and how dense pages are, which the account keeps."""
    if request.method == "POST":
        form = DensityForm(request.POST)
        if form.is_valid():
            user = accounts.choose_density(user=request.user, density=form.cleaned_data["density"])
            messages.success(request, f"Pages are {user.get_density_display().lower()} now.")
        else:
            messages.error(request, "Choose comfortable or compact.")
        return redirect("leads:account-appearance")
    chosen = request.COOKIES.get("theme", "system")
    context = {
        "chosen": chosen if chosen in THEMES else "system",
        "densities": User.Density.choices,
        "section": "appearance",
    }
    return render(request, "leads/account_appearance.html", context)
