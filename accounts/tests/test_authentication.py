from __future__ import annotations

import datetime
from unittest.mock import patch

from django.utils import timezone
from rest_framework.test import APIRequestFactory

from accounts import credentials
from accounts.api_tokens import revoke_api_token
from accounts.authentication import ApiTokenAuthentication, authenticate_plaintext
from accounts.errors import InvalidApiToken
from accounts.models import ApiToken
from neuro_site.testing import BaseTestCase


def with_checksum(body: str) -> str:
    return body + credentials.checksum(body)


class AuthenticatePlaintextTestCase(BaseTestCase):
    def refuse(self, plaintext: str) -> InvalidApiToken:
        with self.assertRaises(InvalidApiToken) as caught:
            authenticate_plaintext(plaintext)
        return caught.exception

    def test_it_finds_the_api_token_and_its_owner(self) -> None:
        api_token = authenticate_plaintext(self.alice_api_token)
        self.assertEqual(api_token, self.api_token_of(self.alice))
        self.assertEqual(api_token.user, self.alice)

    def test_it_refuses_typos_without_a_query(self) -> None:
        truncated = self.alice_api_token[:-1]
        last = "0" if self.alice_api_token[-1] != "0" else "1"
        with self.assertNumQueries(0):
            for wrong in (truncated, truncated + last, "", "nro_", "Bearer", "\x00"):
                error = self.refuse(wrong)
        self.assertIn("mistyped", error.message)
        self.assertEqual(error.code, "invalid_api_token")
        self.assertEqual(error.status_code, 401)

    def test_it_refuses_an_unknown_one_with_a_right_checksum(self) -> None:
        self.refuse(credentials.generate())

    def test_it_refuses_a_tampered_one_with_a_right_checksum_and_prefix(self) -> None:
        body = self.alice_api_token[: -credentials.CHECKSUM_LENGTH]
        last = "0" if body[-1] != "0" else "1"
        self.refuse(with_checksum(body[:-1] + last))

    def test_it_refuses_a_digest_made_with_another_pepper(self) -> None:
        with self.settings(API_TOKEN_PEPPER="another"):
            self.refuse(self.alice_api_token)

    def test_it_refuses_a_revoked_one_from_the_same_moment(self) -> None:
        revoke_api_token(api_token=self.api_token_of(self.alice))
        self.assertIn("revoked", self.refuse(self.alice_api_token).message)

    def test_it_does_not_tell_about_a_revoked_one_to_who_only_knows_its_prefix(
        self,
    ) -> None:
        revoke_api_token(api_token=self.api_token_of(self.alice))
        prefix = credentials.prefix_of(self.alice_api_token)
        error = self.refuse(with_checksum(prefix + "0" * 22))
        self.assertNotIn("revoked", error.message)

    def test_it_refuses_a_deactivated_account(self) -> None:
        self.alice.is_active = False
        self.alice.save()
        self.assertIn("deactivated", self.refuse(self.alice_api_token).message)

    def test_it_compares_in_constant_time_also_when_nothing_is_found(self) -> None:
        with patch(
            "accounts.authentication.hmac.compare_digest", return_value=False
        ) as compare:
            self.refuse(credentials.generate())
            self.refuse(self.alice_api_token)
        self.assertEqual(compare.call_count, 2)

    def test_it_needs_two_queries_at_first_and_one_within_the_minute(self) -> None:
        with self.assertNumQueries(2):
            authenticate_plaintext(self.alice_api_token)
        with self.assertNumQueries(1):
            authenticate_plaintext(self.alice_api_token)

    def test_it_notes_the_last_use_once_a_minute(self) -> None:
        api_token = self.api_token_of(self.alice)
        self.assertIsNone(api_token.last_used_at)
        noon = timezone.now()
        for seconds, expected in ((0, 0), (59, 0), (60, 60)):
            now = noon + datetime.timedelta(seconds=seconds)
            with patch("accounts.authentication.timezone.now", return_value=now):
                authenticate_plaintext(self.alice_api_token)
            api_token.refresh_from_db()
            self.assertEqual(
                api_token.last_used_at, noon + datetime.timedelta(seconds=expected)
            )

    def test_it_leaves_other_api_tokens_untouched(self) -> None:
        authenticate_plaintext(self.alice_api_token)
        self.assertIsNone(self.api_token_of(self.bob).last_used_at)

    def test_it_never_stores_the_plaintext(self) -> None:
        for api_token in ApiToken.objects.all():
            stored = " ".join(str(value) for value in vars(api_token).values())
            self.assertNotIn(self.alice_api_token[12:], stored)


class ApiTokenAuthenticationTestCase(BaseTestCase):
    def authenticate(self, header: str) -> tuple[object, object] | None:
        request = APIRequestFactory().get("/", headers={"authorization": header})
        return ApiTokenAuthentication().authenticate(request)

    def test_it_reads_the_bearer_header_in_any_case(self) -> None:
        api_token = self.api_token_of(self.alice)
        for scheme in ("Bearer", "bearer", "BEARER"):
            found = self.authenticate(f"{scheme} {self.alice_api_token}")
            self.assertEqual(found, (self.alice, api_token))

    def test_it_leaves_other_schemes_to_others(self) -> None:
        self.assertIsNone(self.authenticate(""))
        self.assertIsNone(self.authenticate("Basic YWxpY2U6eA=="))

    def test_it_refuses_a_bearer_header_that_is_empty_or_odd(self) -> None:
        for header in ("Bearer", "Bearer ", "Bearer a b", "Bearer ÿ"):
            with self.assertRaises(InvalidApiToken):
                self.authenticate(header)

    def test_it_names_the_scheme_for_the_401(self) -> None:
        request = APIRequestFactory().get("/")
        self.assertEqual(
            ApiTokenAuthentication().authenticate_header(request), "Bearer"
        )
