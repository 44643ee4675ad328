from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from leads.views import accounts, notifications, profile, team

urlpatterns: list[URLPattern | URLResolver] = [
    path("", accounts.landing, name="landing"),
    path("accounts/login/", accounts.sign_in, name="login"),
    path("accounts/logout/", accounts.sign_out, name="logout"),
    path("accounts/password-reset/", accounts.password_reset, name="password-reset"),
    path("accounts/password-reset/sent/", accounts.password_reset_sent, name="password-reset-sent"),
    path(
        "accounts/password-reset/<str:uidb64>/<str:token>/",
        accounts.password_reset_confirm,
        name="password-reset-confirm",
    ),
    path("accounts/invite/<str:token>/", accounts.invitation, name="invitation"),
    path("account/", profile.account, name="account"),
    path("account/membership/", profile.switch_membership, name="membership-switch"),
    path("account/theme/", profile.theme, name="theme"),
    path("account/appearance/", profile.appearance, name="account-appearance"),
    path("account/keyboard/", profile.keyboard, name="account-keyboard"),
    path("account/security/", profile.security, name="account-security"),
    path("account/security/sessions/end-others/", profile.end_other_sessions, name="session-end-others"),
    path("account/security/sessions/<str:ref>/end/", profile.end_session, name="session-end"),
    path("account/keys/", profile.api_keys, name="account-keys"),
    path("account/keys/<str:prefix>/revoke/", profile.revoke_api_key, name="api-key-revoke"),
    path("notifications/", notifications.notification_list, name="notifications"),
    path("notifications/read/", notifications.mark_all_read, name="notifications-read"),
    path("notifications/<int:pk>/read/", notifications.mark_read, name="notification-read"),
    path("agent/settings/team/", team.members, name="team"),
    path("agent/settings/team/<int:pk>/role/", team.change_role, name="member-role"),
    path("agent/settings/team/<int:pk>/deactivate/", team.deactivate_member, name="member-deactivate"),
    path("agent/settings/team/<int:pk>/reactivate/", team.reactivate_member, name="member-reactivate"),
    path("agent/settings/team/invitations/<int:pk>/renew/", team.renew_invitation, name="invitation-renew"),
    path(
        "agent/settings/team/invitations/<int:pk>/revoke/", team.revoke_invitation, name="invitation-revoke"
    ),
]
