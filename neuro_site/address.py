"""Refuses addresses that nothing can have, before a view looks them up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from models_app.errors import InvalidInput
from neuro_site.error_handler import bad_request


class AddressMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Here, since the address's door is known by now, and how it says errors."""
        query = request.META.get("QUERY_STRING", "")
        if "\0" not in request.path_info and "%00" not in query:
            return None
        error = InvalidInput("The address holds a NUL character.")
        return bad_request(request, error)
