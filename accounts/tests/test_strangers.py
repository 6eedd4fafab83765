"""Nobody learns which addresses have an account, through whichever door they ask."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

from allauth.account.models import EmailAddress
from django.contrib.auth import hashers
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from accounts import mailing
from accounts.models import User
from neuro_site.testing import BaseTestCase, Response

FREE, TAKEN = "dave@example.org", "alice@example.org"
PASSWORD = "a long enough phrase"
MAIL = {"MAIL_IS_CONFIGURED": True, "ACCOUNT_EMAIL_VERIFICATION": "mandatory"}
MODES: dict[str, dict[str, object]] = {
    "open": {"REGISTRATION": "open"},
    "open, with mail": {"REGISTRATION": "open", **MAIL},
    "approval": {"REGISTRATION": "approval"},
    "approval, with mail": {"REGISTRATION": "approval", **MAIL},
}
# A lookup that ends sooner is microseconds beside the hash of a password.
QUERIES_APART = 4

Ask = Callable[[Client, str], Response]


def sign_up(client: Client, email: str) -> Response:
    form = {"email": email, "password1": PASSWORD, "next": "/tiers/"}
    return client.post("/accounts/signup/", form)


def sign_in(client: Client, email: str) -> Response:
    form = {"login": email, "password": PASSWORD}
    return client.post("/accounts/login/", form)


def sign_up_and_in(client: Client, email: str) -> Response:
    sign_up(client, email)
    return sign_in(client, email)


def guess_until_refused(client: Client, email: str) -> Response:
    for _ in range(5):
        sign_in(client, email)
    return sign_in(client, email)


def sign_up_and_guess_until_refused(client: Client, email: str) -> Response:
    sign_up(client, email)
    return guess_until_refused(client, email)


def reset_password(client: Client, email: str) -> Response:
    return client.post("/accounts/password/reset/", {"email": email})


def move_to(client: Client, email: str) -> Response:
    client.force_login(User.objects.get(email="bob@example.org"))
    session = client.session
    session["signed_in_at"] = 2**40
    session.save()
    return client.post("/accounts/email/", {"email": email, "action_add": ""})


class StrangersTestCase(BaseTestCase):
    def answers(self, ask: Ask, mode: str) -> list[object]:
        """What `ask` shows for the address that is free and for the one that is not."""
        with override_settings(**MODES[mode]):
            return [self.answer(ask, email) for email in (FREE, TAKEN)]

    def answer(self, ask: Ask, email: str) -> object:
        cache.clear()  # allauth counts attempts here
        client = Client()
        response = ask(client, email)
        shown = [_seen(response, email), sorted(client.cookies)]
        if location := response.headers.get("Location"):
            shown += [location, _seen(client.get(location), email)]
        return shown

    def assert_alike(self, ask: Ask, modes: Iterator[str] | list[str]) -> None:
        for mode in modes:
            with self.subTest(mode, door=ask.__name__):
                free, taken = self.answers(ask, mode)
                self.assertEqual(free, taken)
            User.objects.filter(email=FREE).delete()

    def test_it_answers_alike_in_every_mode(self) -> None:
        for ask in (sign_up, sign_in, guess_until_refused, reset_password, move_to):
            self.assert_alike(ask, list(MODES))

    def test_it_lets_nobody_try_what_became_of_a_sign_up(self) -> None:
        # Where an account opens at once, its password opens it: see operations.md.
        waiting = [mode for mode in MODES if mode != "open"]
        self.assert_alike(sign_up_and_in, waiting)
        self.assert_alike(sign_up_and_guess_until_refused, waiting)

    def test_it_does_like_work(self) -> None:
        for mode in MODES:
            for ask in (sign_up, sign_in, reset_password):
                with self.subTest(mode, door=ask.__name__):
                    (free, hashes), (taken, taken_hashes) = self.work(ask, mode)
                    self.assertEqual(hashes, taken_hashes)
                    self.assertLessEqual(abs(free - taken), QUERIES_APART)
                User.objects.filter(email=FREE).delete()

    def work(self, ask: Ask, mode: str) -> list[tuple[int, int]]:
        found = []
        with override_settings(**MODES[mode]):
            for email in (FREE, TAKEN):
                cache.clear()
                with (
                    _counted_hashes() as hashes,
                    CaptureQueriesContext(connection) as queries,
                ):
                    ask(Client(), email)
                found.append((len(queries), hashes.call_count))
        return found

    def test_it_leaves_the_account_as_it_was(self) -> None:
        for mode in MODES:
            self.answers(sign_up, mode)
            self.assertEqual(User.objects.filter(email__iexact=TAKEN).count(), 1)
            self.alice.refresh_from_db()
            self.assertTrue(self.alice.check_password(self.password))
            User.objects.filter(email=FREE).delete()
        self.assertFalse(User.objects.filter(email__contains="rehearsal").exists())
        self.assertFalse(EmailAddress.objects.filter(email__contains="rehearsal"))

    def test_it_tells_the_owner_that_somebody_tried(self) -> None:
        sign_up(Client(), TAKEN)
        kinds = self.alice.audit_events.values_list("kind", flat=True)
        self.assertIn("account.sign_up_repeated", kinds)

    def test_it_sends_who_never_confirmed_another_link(self) -> None:
        with override_settings(**MODES["open, with mail"]):
            sign_up(Client(), FREE)
            cache.clear()
            sign_in(Client(), FREE)
        mailing.wait_until_sent()
        self.assertEqual([one.to for one in mail.outbox], [[FREE], [FREE]])
        self.assertIn("/confirm-email/", str(mail.outbox[1].body))


@contextmanager
def _counted_hashes() -> Iterator[mock.MagicMock]:
    hasher = type(hashers.get_hasher())
    with mock.patch.object(
        hasher, "encode", autospec=True, side_effect=hasher.encode
    ) as encode:
        yield encode


def _seen(response: Response, email: str) -> tuple[int, str]:
    body = response.content.decode().replace(email, "ADDRESS")
    body = re.sub(r'(name="csrfmiddlewaretoken" value=)"\w+"', r"\1", body)
    return response.status_code, re.sub(r"in <strong>\d+", "in <strong>", body)
