"""One address for people and for programs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase

View = Callable[..., HttpResponseBase]
READING = ("GET", "HEAD")


def page_and_call(page: View, call: View) -> View:
    """Reading the address gives the page, everything else is for the API view.

    As the API view's, its errors are JSON and it takes API tokens alone, so it needs no
    protection from other sites' forms; the page must want neither.
    """

    @functools.wraps(call)
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        chosen = page if request.method in READING else call
        return chosen(request, *args, **kwargs)

    return view
