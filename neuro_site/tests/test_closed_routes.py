"""Every route of the project, as a visitor without an account finds it.

A new route is closed until somebody writes it down here with its reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern

from neuro_site.testing import BaseTestCase, Response

OPEN_ROUTES = {
    "/": "the landing page",
    "/tiers/": "what each tier offers",
    "/models/": "the catalogue",
    "/models/<ref>": "a model's page",
    "/health": "for whoever watches the server",
    "/models/<ref>/health": "the same of one model, as Hugging Face asks it",
    "/api/docs/": "how to call the API",
    "/api/schema/": "the same for programs",
    "/Token": "where the npu client shows its API token, in the body",
    "/accounts/login/": "the way in",
    "/accounts/signup/": "the way in",
    "/accounts/logout/": "says that nobody is signed in",
    "/accounts/inactive/": "tells a deactivated account what happened",
    "/accounts/confirm-email/": "says that a mail is on its way",
    "/accounts/confirm-email/<key>/": "opened from a mail",
    "/accounts/waiting/": "tells a new account that staff decide",
    "/accounts/2fa/webauthn/login/": "the way in",
    "/accounts/password/reset/": "for whoever forgot the password",
    "/accounts/password/reset/done/": "says that a mail is on its way",
    "/accounts/password/reset/key/<uidb36>-<key>/": "opened from a mail",
    "/accounts/password/reset/key/done/": "says that it worked",
}
REFUSALS = {401, 403}
METHODS = ("get", "post", "put", "patch", "delete", "head", "options")


def all_routes(
    patterns: list[URLPattern | URLResolver] | None = None, before: str = "/"
) -> Iterator[str]:
    """Each route, written like "/models/<ref>"."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + readable(pattern)
        if isinstance(pattern, URLResolver):
            yield from all_routes(pattern.url_patterns, route)
        else:
            yield route


def readable(pattern: URLPattern | URLResolver) -> str:
    route = str(pattern.pattern)
    if isinstance(pattern.pattern, RegexPattern):
        return simplify_regex(route).removeprefix("/")
    return re.sub(r"<\w+:(\w+)>", r"<\1>", route)


class ClosedRoutesTestCase(BaseTestCase):
    def path_of(self, route: str) -> str:
        """The route with ids of things that exist, so that no 404 hides a hole."""
        samples = {
            "public_id": self.api_token_of(self.alice).public_id,
            "ref": "neo-tiny",
            "object_id": str(self.alice.pk),
            "pk": str(self.alice.pk),
        }
        return re.sub(r"<(\w+)>", lambda name: samples.get(name[1], "x1"), route)

    def is_refused(self, response: Response) -> bool:
        if response.status_code == 302:
            to = response["Location"]
            return to.startswith(("/accounts/login/", "/admin/login/"))
        return response.status_code in REFUSALS

    def test_it_refuses_visitors_on_every_route_that_is_not_written_down(self) -> None:
        answered = [
            f"{method.upper()} {route} answers {response.status_code}"
            for route in all_routes()
            if route not in OPEN_ROUTES
            for method in METHODS
            if not self.is_refused(
                response := getattr(self.client, method)(self.path_of(route))
            )
        ]
        self.assertEqual(answered, [])

    def test_it_writes_down_no_route_that_is_gone(self) -> None:
        self.assertEqual(set(OPEN_ROUTES) - set(all_routes()), set())

    def test_it_opens_what_it_writes_down(self) -> None:
        for route in OPEN_ROUTES:
            if "<" in route or route == "/health":
                continue
            # The passkey's challenge goes to scripts alone.
            response = self.client.get(
                self.path_of(route), headers={"accept": "application/json"}
            )
            self.assertFalse(self.is_refused(response), route)

    def test_it_tells_nothing_about_anybody_on_an_open_page(self) -> None:
        for route in OPEN_ROUTES:
            content = self.client.get(self.path_of(route), follow=True).content
            for person in (b"alice@", b"bob@", b"charlie@"):
                self.assertNotIn(person, content, route)
