"""Who am I, and API tokens that manage API tokens."""

from __future__ import annotations

import datetime
from typing import cast

from django.core.exceptions import ValidationError
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import api_tokens
from accounts.api.rendering import me_json, token_json
from accounts.api.serializers import (
    ApiTokenListOutput,
    ApiTokenOutput,
    CreateTokenInput,
    MeOutput,
    NewApiTokenOutput,
    RotateTokenInput,
    UpdateTokenInput,
)
from accounts.errors import ApplicationError, ExceedsApiToken
from accounts.models import ApiToken, Scope
from accounts.permissions import HasScope
from accounts.token_options import TokenOptions


class MeView(APIView):
    @extend_schema(summary="Tell who is asking", operation_id="me", responses=MeOutput)
    def get(self, request: Request) -> Response:
        """The account behind the API token, its limits, and what is left of each."""
        return Response(me_json(cast("ApiToken", request.auth)))


class ManagingView(APIView):
    """For API tokens that manage those of their own project, and see no others."""

    permission_classes = [HasScope]
    required_scope = Scope.MANAGE_TOKENS

    @property
    def manager(self) -> ApiToken:
        return cast("ApiToken", self.request.auth)

    def find(self, public_id: str) -> ApiToken:
        """Raises 404 for those of other projects as for those that do not exist."""
        found = self.manager.project.api_tokens.filter(public_id=public_id).first()
        if found is None:
            raise Http404
        return found

    def require_within(self, options: TokenOptions) -> None:
        if excess := options.excess_over(self.manager):
            raise ExceedsApiToken(
                f"That API token {excess}, which yours may not give or take."
            )

    def require_below_account(self, options: TokenOptions) -> None:
        try:
            options.require_below(self.manager.user)
        except ValidationError as error:
            raise ApplicationError(" ".join(error.messages), param="limits") from error


class TokenListView(ManagingView):
    @extend_schema(
        summary="List the API tokens",
        operation_id="list_tokens",
        responses=ApiTokenListOutput,
    )
    def get(self, request: Request) -> Response:
        """Every API token of the project, revoked ones too, never with their values."""
        found = self.manager.project.api_tokens.select_related("project")
        return Response({"api_tokens": [token_json(one) for one in found]})

    @extend_schema(
        summary="Create an API token",
        operation_id="create_token",
        request=CreateTokenInput,
        responses={201: NewApiTokenOutput},
    )
    def post(self, request: Request) -> Response:
        """An API token that may do no more than the one that creates it."""
        serializer = CreateTokenInput(data=request.data)
        serializer.is_valid(raise_exception=True)
        options = serializer.options()
        self.require_within(options)
        self.require_below_account(options)
        api_token, plaintext = api_tokens.issue_api_token(
            project=self.manager.project,
            name=serializer.validated_data["name"],
            options=options,
        )
        body = {"api_token": plaintext, **token_json(api_token)}
        return Response(body, status=status.HTTP_201_CREATED)


class TokenView(ManagingView):
    @extend_schema(
        summary="Change an API token",
        operation_id="update_token",
        request=UpdateTokenInput,
        responses=ApiTokenOutput,
    )
    def patch(self, request: Request, public_id: str) -> Response:
        """What is left out stays, its value always. It may then do no more than yours."""
        api_token = self.find(public_id)
        serializer = UpdateTokenInput(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        options = serializer.options_over(TokenOptions.of(api_token))
        self.require_within(options)
        if "limits" in serializer.validated_data:
            self.require_below_account(options)
        name = serializer.validated_data.get("name", api_token.name)
        api_tokens.update_api_token(api_token=api_token, name=name, options=options)
        api_token.refresh_from_db()
        return Response(token_json(api_token))

    @extend_schema(
        summary="Revoke an API token",
        operation_id="revoke_token",
        responses={204: None},
    )
    def delete(self, request: Request, public_id: str) -> Response:
        """It is refused from now on. Revoking twice does nothing more."""
        api_tokens.revoke_api_token(api_token=self.find(public_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class RotateTokenView(ManagingView):
    @extend_schema(
        summary="Rotate an API token",
        operation_id="rotate_token",
        request=RotateTokenInput,
        responses=NewApiTokenOutput,
    )
    def post(self, request: Request, public_id: str) -> Response:
        """A new value under the same id; the old one works for `grace_seconds` more."""
        api_token = self.find(public_id)
        serializer = RotateTokenInput(data=request.data)
        serializer.is_valid(raise_exception=True)
        self.require_within(TokenOptions.of(api_token))
        grace = datetime.timedelta(seconds=serializer.validated_data["grace_seconds"])
        plaintext = api_tokens.rotate_api_token(api_token=api_token, grace=grace)
        api_token.refresh_from_db()
        return Response({"api_token": plaintext, **token_json(api_token)})
