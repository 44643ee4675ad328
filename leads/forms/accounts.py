"""Forms of sign-in, invitations and people's own accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.utils import timezone

from leads.models import Role, User
from leads.models.tenants import TEAM_ROLES
from leads.shortcuts import Shortcut, clashes, read_keys, with_choices


class SignInForm(AuthenticationForm):
    """E-mail and password; the address is folded so that a lock cannot be walked around by its case."""

    username = forms.EmailField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
        error_messages={"invalid": "Write your e-mail address, such as name@example.com."},
    )
    password = forms.CharField(
        label="Password", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    error_messages = {
        "invalid_login": "This e-mail and password match no account. Check both, or reset the password.",
        "inactive": "This account is closed.",
    }

    def clean_username(self) -> str:
        return str(self.cleaned_data["username"]).lower()


class EmailForm(forms.Form):
    """Ask for the address of an account."""

    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}),
    )

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


def _new_password_field() -> forms.CharField:
    return forms.CharField(
        label="New password",
        strip=False,
        help_text=" ".join(str(text) for text in password_validators_help_texts()),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class NewPasswordForm(forms.Form):
    """A new password, once: password managers and paste are welcome."""

    password = _new_password_field()

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        validate_password(password, self.user)
        return password


class PasswordChangeForm(NewPasswordForm):
    """The password in use, and a new one."""

    current = forms.CharField(
        label="Current password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ("current", "password")

    def clean_current(self) -> str:
        if not self.user.check_password(self.cleaned_data["current"]):
            raise forms.ValidationError("This is not your current password.")
        return ""


class JoinForm(forms.Form):
    """What a newly invited person tells."""

    name = forms.CharField(
        label="Your name",
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True}),
    )
    password = _new_password_field()


class ProfileForm(forms.Form):
    name = forms.CharField(
        label="Your name", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )


class DensityForm(forms.Form):
    density = forms.ChoiceField(choices=User.Density.choices)


class ShortcutsForm(forms.Form):
    """The keys of each shortcut a person has; two that cannot both be heard are refused."""

    def __init__(self, user: User, usual: Sequence[Shortcut], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.usual = usual
        for shortcut in with_choices(usual, user.shortcuts):
            keys = {"class": "control control-sm !w-24 num", "autocapitalize": "none", "spellcheck": "false"}
            self.fields[shortcut.field] = forms.CharField(
                label=shortcut.label,
                initial=shortcut.keys,
                required=False,
                max_length=12,
                widget=forms.TextInput(attrs={**keys, "autocomplete": "off"}),
            )

    def clean(self) -> None:
        typed = []
        for shortcut in self.usual:
            try:
                keys = read_keys(self.cleaned_data.get(shortcut.field, ""))
            except ValueError as error:
                self.add_error(shortcut.field, str(error))
                continue
            self.cleaned_data[shortcut.field] = keys
            typed.append(Shortcut(shortcut.name, shortcut.label, keys))
        fields = {shortcut.name: shortcut.field for shortcut in self.usual}
        for name, sentence in clashes(typed).items():
            self.add_error(fields[name], sentence)

    def choices(self) -> dict[str, str]:
        """Return what differs from the usual keys; what is chosen for pages not shown here stays."""
        shown = {shortcut.name for shortcut in self.usual}
        kept = {name: keys for name, keys in self.user.shortcuts.items() if name not in shown}
        typed = {each.name: self.cleaned_data[each.field] for each in self.usual}
        return kept | {each.name: typed[each.name] for each in self.usual if typed[each.name] != each.keys}

    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """Return the fields under their headings: what is done on a page, and where to go."""
        goes = [self[each.field] for each in self.usual if ":" in each.name]
        does = [self[each.field] for each in self.usual if ":" not in each.name]
        return [("On a page", does), ("To a page", goes)]


class InviteForm(forms.Form):
    email = forms.EmailField(
        label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.AGENT)

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=[(role.value, role.label) for role in TEAM_ROLES])


class APIKeyForm(forms.Form):
    """A name to tell keys apart, and how long the new one lives."""

    name = forms.CharField(
        label="What is it for?", max_length=50, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    days = forms.TypedChoiceField(
        label="It works for",
        coerce=int,
        choices=[(30, "30 days"), (90, "90 days"), (365, "a year"), (0, "until revoked")],
        initial=90,
    )

    @property
    def expires_at(self) -> datetime | None:
        days: int = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=days) if days else None
