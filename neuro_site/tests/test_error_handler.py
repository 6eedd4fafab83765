from __future__ import annotations

from typing import Any
from unittest import mock

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.http import Http404
from django.test import SimpleTestCase, override_settings
from django.test.client import encode_multipart
from rest_framework import exceptions

from accounts.errors import ApplicationError
from neuro_site.error_handler import to_application_error
from neuro_site.testing import BaseTestCase, Response

FIELDS = {"message", "type", "param", "code", "hint", "request_id"}


class ToApplicationErrorTests(SimpleTestCase):
    def test_it_translates_what_the_framework_raises(self) -> None:
        cases: list[tuple[Exception, int, str]] = [
            (exceptions.ParseError("x"), 400, "invalid_json"),
            (exceptions.ParseError("Multipart form parse error"), 400, "invalid_input"),
            (exceptions.NotAuthenticated(), 401, "missing_api_token"),
            (exceptions.PermissionDenied(), 403, "forbidden"),
            (PermissionDenied(), 403, "forbidden"),
            (exceptions.NotFound(), 404, "not_found"),
            (Http404(), 404, "not_found"),
            (exceptions.MethodNotAllowed("GET"), 405, "method_not_allowed"),
            (exceptions.UnsupportedMediaType("x/y"), 415, "unsupported_media_type"),
            (RequestDataTooBig(), 413, "request_too_large"),
        ]
        for exception, status, code in cases:
            with self.subTest(exception=repr(exception)):
                error = to_application_error(exception)
                assert error is not None
                self.assertEqual((error.status_code, error.code), (status, code))

    def test_it_says_the_first_thing_that_is_wrong_with_a_field(self) -> None:
        error = to_application_error(
            exceptions.ValidationError({"items": {"0": ["Too long.", "Odd."]}})
        )

        assert error is not None
        self.assertEqual(error.message, "items.0: Too long.")
        self.assertEqual((error.code, error.param), ("invalid_input", "items.0"))

    def test_it_names_no_field_for_an_error_of_the_whole(self) -> None:
        error = to_application_error(
            exceptions.ValidationError({"non_field_errors": ["Odd."]})
        )

        assert error is not None
        self.assertEqual((error.message, error.param), ("Odd.", None))

    def test_it_leaves_surprises_to_django(self) -> None:
        self.assertIsNone(to_application_error(KeyError("surprise")))


class ErrorPagesTests(BaseTestCase):
    def error(self, response: Response, status: int) -> dict[str, Any]:
        self.assertEqual(response.status_code, status)
        error: dict[str, Any] = response.json()["error"]
        self.assertEqual(set(error), FIELDS)
        self.assertEqual(error["request_id"], response["X-Request-Id"])
        return error

    def fail_with(self, exception: Exception) -> Response:
        """What the API answers when its first question goes wrong."""
        self.client.raise_request_exception = False
        with mock.patch(
            "models_app.models.LanguageModelQuerySet.enabled", side_effect=exception
        ):
            return self.client.get(
                "/api/v1/models", headers=self.bearer(self.alice_api_token)
            )

    def test_it_answers_json_where_there_is_no_route(self) -> None:
        error = self.error(self.client.get("/api/v1/nothing"), 404)

        self.assertEqual(error["code"], "not_found")

    def test_it_answers_json_to_a_program_that_went_astray(self) -> None:
        bearer = self.bearer(self.alice_api_token)
        hints = {
            "/models/neo-tiny/": "Leave out the slash at the end: /models/neo-tiny.",
            "/v1/completions/": "Leave out the slash at the end: /v1/completions.",
            "/models/neo-tiny/predict": None,
            "/nothing/": None,
        }
        for address, hint in hints.items():
            with self.subTest(address):
                error = self.error(self.client.post(address, headers=bearer), 404)
                self.assertEqual((error["code"], error["hint"]), ("not_found", hint))

    def test_it_answers_a_page_outside_the_api(self) -> None:
        response = self.client.get("/nothing")

        self.assertEqual(response.status_code, 404)
        self.assertIn("text/html", response["Content-Type"])

    def test_it_tells_nothing_of_a_fault_but_its_id(self) -> None:
        with self.assertLogs("django.request", "ERROR"):
            response = self.fail_with(KeyError("secret"))

        error = self.error(response, 500)
        self.assertEqual(error["code"], "internal_error")
        self.assertNotIn(b"secret", response.content)

    def test_it_answers_faults_of_the_npu_door_in_its_own_way(self) -> None:
        self.client.raise_request_exception = False
        with (
            mock.patch("models_app.npu.views.read_call", side_effect=KeyError),
            self.assertLogs("django.request", "ERROR"),
        ):
            response = self.client.post(
                "/SyncPredict",
                {},
                content_type="application/json",
                headers=self.bearer(self.alice_api_token),
            )

        self.assertEqual(response.status_code, 500)
        self.assertIsInstance(response.json()["error"], str)

    def test_it_answers_refusals_of_the_framework_as_json(self) -> None:
        with self.assertLogs("django", "WARNING"):
            self.error(self.fail_with(PermissionDenied()), 403)
        with self.assertLogs("django", "ERROR"):
            self.error(self.fail_with(SuspiciousOperation()), 400)

    @override_settings(ALLOWED_HOSTS=["neuro.example"])
    def test_it_answers_json_for_a_host_that_is_not_ours(self) -> None:
        with self.assertLogs("django.security.DisallowedHost", "ERROR"):
            self.error(self.client.get("/api/v1/models"), 400)

    def test_it_sends_retry_after(self) -> None:
        response = self.fail_with(ApplicationError("Later.", retry_after=9))

        self.error(response, 400)
        self.assertEqual(response["Retry-After"], "9")

    def test_it_says_what_is_wrong_with_a_form(self) -> None:
        many = {f"part {number}": "x" for number in range(1001)}
        cases = [
            (encode_multipart("x", many), "x", 413, "The form has more fields"),
            (b"x", "", 400, "The body is not the form"),
        ]
        for body, boundary, status, message in cases:
            with self.subTest(status):
                response = self.client.post(
                    "/SyncPredict",
                    body,
                    content_type=f"multipart/form-data; boundary={boundary}",
                    headers=self.bearer(self.alice_api_token),
                )
                self.assertEqual(response.status_code, status)
                self.assertIn(message, response.json()["error"])

    def test_it_refuses_a_long_json_body(self) -> None:
        with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=10):
            response = self.client.post(
                "/api/v1/models/neo-tiny/predict",
                {"inputs": "more than ten bytes"},
                content_type="application/json",
                headers=self.bearer(self.alice_api_token),
            )

        self.assertEqual(self.error(response, 413)["code"], "request_too_large")
