from __future__ import annotations

from http import HTTPStatus
from typing import cast

from csp.middleware import CSPMiddleware
from django.http import HttpResponse
from django.test import RequestFactory, SimpleTestCase

HEADER = "Content-Security-Policy"


class ContentSecurityTests(SimpleTestCase):
    def policy(self, status: int = HTTPStatus.OK) -> str | None:
        middleware = CSPMiddleware(lambda _: HttpResponse(status=status))
        response = cast("HttpResponse", middleware(RequestFactory().get("/")))
        return response.headers.get(HEADER)

    def test_it_says_what_the_settings_say(self) -> None:
        policy = self.policy() or ""

        self.assertIn("default-src 'self'", policy)
        self.assertIn("img-src 'self' data:", policy)
        self.assertIn("frame-ancestors 'none'", policy)
        self.assertNotIn("unsafe", policy)

    def test_it_says_so_of_errors_too(self) -> None:
        self.assertEqual(self.policy(HTTPStatus.NOT_FOUND), self.policy())

    def test_it_leaves_the_pages_that_show_developers_a_mistake_their_styles(
        self,
    ) -> None:
        with self.settings(DEBUG=True):
            self.assertIsNone(self.policy(HTTPStatus.NOT_FOUND))
            self.assertIsNotNone(self.policy())

    def test_it_stands_on_pages_and_on_answers_to_programs(self) -> None:
        for path in ("/models/none/", "/api/v1/none"):
            with self.subTest(path=path):
                self.assertIn(HEADER, self.client.get(path).headers)
