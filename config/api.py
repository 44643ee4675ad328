"""The API: routes of every app, tokens, the schema and a page made of it."""

from __future__ import annotations

from importlib import import_module

from django.apps import apps
from django.http import Http404
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.utils.module_loading import module_has_submodule
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView

from config.api_docs import docs
from leads import schema
from leads.authentication import TokenThrottle
from leads.views import tokens

__all__ = ["schema"]  # its classes make themselves known to the schema's generator

APPS = ("leads", "scoring", "churn", "matching", "workflows")


class NothingHere(APIView):
    """Answer addresses the API does not have."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (TokenThrottle,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        raise Http404

    post = put = patch = delete = get


def _router() -> SimpleRouter:
    """Register the `routes` of every app's `api` module; an app above may add actions to a route below."""
    router = SimpleRouter(use_regex_path=False)
    for label in APPS:
        if not module_has_submodule(apps.get_app_config(label).module, "api"):
            continue
        for prefix, viewset in import_module(f"{label}.api").routes:
            name = prefix.replace("/", "-").removesuffix("s")
            router.register(prefix, viewset, basename=name if label == "leads" else f"{label}-{name}")
    return router


urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/auth/token/", tokens.TokenView.as_view(), name="api-token"),
    path("v1/auth/token/refresh/", tokens.TokenRefreshView.as_view(), name="api-token-refresh"),
    path("v1/", include(_router().urls)),
    re_path(r"^v1/.*/$", NothingHere.as_view(), name="api-nothing"),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", docs, name="api-docs"),
]
