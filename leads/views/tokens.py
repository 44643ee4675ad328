"""Tokens of the API."""

from __future__ import annotations

from django.contrib.auth import authenticate
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import RefreshToken

from leads.access import memberships_of
from leads.authentication import TokenThrottle, issue_tokens, member_of
from leads.models import User
from leads.problems import ProblemSerializer
from leads.serializers import (
    AccessTokenSerializer,
    RefreshRequestSerializer,
    TokenPairSerializer,
    TokenRequestSerializer,
)

REFUSALS = dict.fromkeys((400, 401, 429), ProblemSerializer)


class Door(APIView):
    """A route for callers who have no token yet; a refusal is 401 all the same."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (TokenThrottle,)

    def get_authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class TokenView(Door):
    """Exchange an e-mail address and a password for tokens."""

    @extend_schema(
        operation_id="token_create",
        summary="Exchange an e-mail address and a password for tokens",
        tags=["auth"],
        auth=[],
        request=TokenRequestSerializer,
        responses={200: TokenPairSerializer, **REFUSALS},
    )
    def post(self, request: Request) -> Response:
        body = TokenRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        user = authenticate(
            request._request,
            username=body.validated_data["email"].lower(),
            password=body.validated_data["password"],
        )
        if not isinstance(user, User):
            raise AuthenticationFailed("This e-mail and password match no account.", "credentials")
        location_id = body.validated_data.get("location_id")
        held = [
            m
            for m in memberships_of(user)
            if m.is_team and (location_id is None or m.tenant.location_id == location_id)
        ]
        if not held:
            raise AuthenticationFailed("This account has no place in the team of that tenant.", "membership")
        refresh = issue_tokens(held[0])
        return Response({"access": str(refresh.access_token), "refresh": str(refresh)})


class TokenRefreshView(Door):
    """Exchange a refresh token for a new access token."""

    @extend_schema(
        operation_id="token_refresh_create",
        summary="Exchange a refresh token for a new access token",
        tags=["auth"],
        auth=[],
        request=RefreshRequestSerializer,
        responses={200: AccessTokenSerializer, **REFUSALS},
    )
    def post(self, request: Request) -> Response:
        body = RefreshRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            token = RefreshToken(body.validated_data["refresh"])
        except TokenError as error:
            raise AuthenticationFailed("The refresh token is not valid or has expired.", "token") from error
        if member_of(token) is None:
            raise AuthenticationFailed("The token's access was ended. Sign in again.", "token")
        return Response({"access": str(token.access_token)})
