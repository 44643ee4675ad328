"""The way in: landing page, sign-in, password reset, invitations."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth import views as auth_views
from django.contrib.auth.tokens import default_token_generator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.decorators import method_decorator
from django.utils.http import urlsafe_base64_decode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods

from leads.access import MEMBERSHIP_KEY, memberships_of
from leads.errors import DomainError
from leads.forms.accounts import EmailForm, JoinForm, NewPasswordForm, SignInForm
from leads.models import Invitation, Membership, User
from leads.problems import problem_response
from leads.services import accounts, team
from leads.sessions import DEVICE_KEY, describe_device
from leads.tasks.accounts import mail_password_reset

BACKEND = "django.contrib.auth.backends.ModelBackend"
RESET_KEY = "password_reset"


@require_GET
def landing(request: HttpRequest) -> HttpResponse:
    """Say what each portal does, and take signed-in people to theirs."""
    membership: Membership | None = request.membership  # type: ignore[attr-defined]
    if membership is not None and membership.is_team:
        return redirect("leads:dashboard")
    return render(request, "leads/landing.html", {"membership": membership})


class SignIn(auth_views.LoginView):
    """Sign in with e-mail and password; too many failures lock the address for a while."""

    template_name = "leads/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        _sign_in(self.request, form.get_user())
        return redirect(self.get_success_url())

    def get_default_redirect_url(self) -> str:
        user = self.request.user
        if isinstance(user, User) and user.is_superuser and not memberships_of(user):
            return resolve_url("admin:index")
        return resolve_url("leads:landing")


def _sign_in(request: HttpRequest, user: User, membership: Membership | None = None) -> None:
    request.session[DEVICE_KEY] = describe_device(request.headers.get("User-Agent", ""))
    login(request, user, backend=BACKEND)
    if membership is not None:
        request.session[MEMBERSHIP_KEY] = membership.pk


def locked_out(request: HttpRequest, credentials: dict[str, Any] | None = None) -> HttpResponse:
    """Tell someone who failed too often when they may try again."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    if request.path.startswith("/api/"):
        answer: HttpResponse = problem_response(
            request, 429, f"Too many failed sign-ins; try again in {minutes} minutes.", code="locked"
        )
    else:
        answer = render(request, "leads/locked_out.html", {"minutes": minutes}, status=429)
    answer.headers["Retry-After"] = str(minutes * 60)
    return answer


@never_cache
@require_http_methods(["GET", "POST"])
def password_reset(request: HttpRequest) -> HttpResponse:
    """Ask for an address and mail it a link; the answer never tells whether it has an account."""
    form = EmailForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = User.objects.filter(email=form.cleaned_data["email"], is_active=True).first()
        if user is not None:
            mail_password_reset.delay(user.pk)
        return redirect("leads:password-reset-sent")
    return render(request, "leads/password_reset.html", {"form": form}, status=422 if form.errors else 200)


@require_GET
def password_reset_sent(request: HttpRequest) -> HttpResponse:
    return render(
        request, "leads/password_reset_sent.html", {"minutes": settings.PASSWORD_RESET_TIMEOUT // 60}
    )


@sensitive_variables()
@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def password_reset_confirm(request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
    """Take the token out of the address into the session, then ask for the new password."""
    user = _user_of(uidb64)
    if token != "set":
        if user is None or not default_token_generator.check_token(user, token):
            return render(request, "leads/password_reset_expired.html", status=410)
        request.session[RESET_KEY] = token
        return redirect("leads:password-reset-confirm", uidb64=uidb64, token="set")
    if user is None or not default_token_generator.check_token(user, request.session.get(RESET_KEY)):
        return render(request, "leads/password_reset_expired.html", status=410)
    form = NewPasswordForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        del request.session[RESET_KEY]
        accounts.change_password(user=user, password=form.cleaned_data["password"])
        messages.success(request, "Your password is changed. Sign in with the new one.")
        return redirect("leads:login")
    return render(
        request, "leads/password_reset_confirm.html", {"form": form}, status=422 if form.errors else 200
    )


def _user_of(uidb64: str) -> User | None:
    try:
        pk = int(urlsafe_base64_decode(uidb64).decode())
    except (ValueError, OverflowError):
        return None
    return User.objects.filter(pk=pk, is_active=True).first()


@sensitive_variables()
@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Accept an invitation: as who is signed in, or as a new person with a name and a password."""
    invited = team.open_invitation(token)
    if invited is None:
        return render(request, "leads/invitation_expired.html", status=410)
    if isinstance(request.user, User):
        return _join_signed_in(request, request.user, invited, token)
    if User.objects.filter(email=invited.email).exists():
        return render(request, "leads/invitation.html", {"invitation": invited, "has_account": True})
    form = JoinForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            joined = team.accept_invitation(token=token, **form.cleaned_data)
        except DomainError as error:
            form.add_error("password" if error.code == "password" else None, error.message)
        else:
            _sign_in(request, joined.user, joined)
            messages.success(request, f"Welcome to {joined.tenant.name}.")
            return redirect("leads:landing")
    return render(
        request,
        "leads/invitation.html",
        {"invitation": invited, "form": form},
        status=422 if form.errors else 200,
    )


def _join_signed_in(request: HttpRequest, user: User, invited: Invitation, token: str) -> HttpResponse:
    if request.method != "POST":
        return render(request, "leads/invitation.html", {"invitation": invited})
    try:
        joined = team.accept_invitation(token=token, user=user)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("leads:landing")
    request.session[MEMBERSHIP_KEY] = joined.pk
    messages.success(request, f"Welcome to {joined.tenant.name}.")
    return redirect("leads:landing")


sign_in = method_decorator(sensitive_post_parameters(), name="dispatch")(SignIn).as_view()
sign_out = auth_views.LogoutView.as_view()
