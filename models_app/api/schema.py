"""The OpenAPI document, and the page that shows it and tries it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.permissions import AllowAny


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells drf-spectacular what our authentication class expects."""

    target_class = "accounts.authentication.ApiTokenAuthentication"
    name = "apiToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "nro_…"}


class StrictBody(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Says of a body that takes only the fields it knows that it does."""

    target_class = "accounts.api.strict.StrictSerializer"
    match_subclasses = True

    def map_serializer(
        self, auto_schema: AutoSchema, direction: Direction
    ) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer(  # type: ignore[no-untyped-call]
            self.target, direction, bypass_extensions=True
        )
        if type(self.target).__doc__ is None:
            # What it would say is said of its parent, to who reads the code.
            schema.pop("description", None)
        return schema | {"additionalProperties": False}


class SchemaView(SpectacularJSONAPIView):
    authentication_classes = []
    permission_classes = [AllowAny]


@login_not_required
@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    return render(request, "models_app/api_docs.html")
