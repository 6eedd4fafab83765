from __future__ import annotations

import os
from unittest import mock

from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from neuro_site.env import env_origins
from neuro_site.testing import BaseTestCase, Response

ORIGIN = "https://app.example.org"
APIS = (
    "/api/v1/models",
    "/v1/completions",
    "/models/neo-tiny",
    "/models/neo-tiny/generate",
    "/SyncPredict",
)
PAGES = ("/", "/models/", "/playground/", "/accounts/login/", "/admin/login/")


class CorsTests(BaseTestCase):
    def preflight(self, path: str, origin: str = ORIGIN) -> Response:
        return self.client.options(
            path,
            headers={
                "origin": origin,
                "access-control-request-method": "POST",
                "access-control-request-headers": "authorization, content-type",
            },
        )

    def allowed(self, response: Response) -> str | None:
        self.assertNotIn("access-control-allow-credentials", response.headers)
        return response.headers.get("access-control-allow-origin")

    def test_it_is_off_unless_it_is_set(self) -> None:
        for path in APIS:
            self.assertIsNone(self.allowed(self.preflight(path)))

    @override_settings(CORS_ALLOWED_ORIGINS=[ORIGIN])
    def test_it_lets_pages_of_an_origin_call_the_apis(self) -> None:
        for path in APIS:
            with self.subTest(path=path):
                response = self.preflight(path)
                self.assertEqual(response.status_code, 200)
                self.assertEqual(self.allowed(response), ORIGIN)
                self.assertIn("POST", response["access-control-allow-methods"])
                self.assertIn("authorization", response["access-control-allow-headers"])

    @override_settings(CORS_ALLOWED_ORIGINS=[ORIGIN])
    def test_it_shows_them_the_answer_and_its_headers(self) -> None:
        response = self.client.get(
            "/api/v1/models",
            headers={"origin": ORIGIN, **self.bearer(self.alice_api_token)},
        )

        self.assertEqual(self.allowed(response), ORIGIN)
        for name in ("x-request-id", "x-ratelimit-remaining-tokens", "retry-after"):
            self.assertIn(name, response["access-control-expose-headers"])
        self.assertIn("origin", response["vary"])

    @override_settings(CORS_ALLOWED_ORIGINS=[ORIGIN])
    def test_it_refuses_other_origins_and_other_routes(self) -> None:
        for path in APIS:
            self.assertIsNone(self.allowed(self.preflight(path, "https://evil.org")))
        for path in PAGES:
            with self.subTest(path=path):
                self.assertIsNone(self.allowed(self.preflight(path)))

    @override_settings(CORS_ALLOWED_ORIGINS=[ORIGIN])
    def test_a_session_is_worth_nothing_to_them(self) -> None:
        self.client.force_login(self.alice)

        response = self.client.get("/api/v1/models", headers={"origin": ORIGIN})

        self.assertEqual(response.status_code, 401)

    def test_it_takes_origins_alone(self) -> None:
        for value in ("app.example.org", "https://a.org/", "https://a.org,*", "*,x"):
            with self.subTest(value=value), self.environment(value):
                self.assertRaises(ImproperlyConfigured, env_origins, "CORS_TEST")
        for value in ("", "*", "https://a.org, http://localhost:3000,http://[::1]:3"):
            with self.subTest(value=value), self.environment(value):
                env_origins("CORS_TEST")

    def environment(self, value: str) -> mock._patch_dict:
        return mock.patch.dict(os.environ, CORS_TEST=value)
