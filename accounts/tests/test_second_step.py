from __future__ import annotations

import re
import time
from io import StringIO

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.core.management import CommandError, call_command

from accounts import sealed
from neuro_site.testing import BaseTestCase, Response


def code_for(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


class SecondStepTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        cache.clear()  # allauth counts attempts here
        self.client.force_login(self.alice)

    def turn_on(self) -> str:
        page = self.client.get("/accounts/2fa/totp/activate/").content.decode()
        found = re.search(r'id="totp-secret">(\w+)<', page)
        assert found is not None
        self.client.post("/accounts/2fa/totp/activate/", {"code": code_for(found[1])})
        cache.clear()  # a code works once; the next test step may come within it
        return found[1]

    def recovery_codes(self) -> list[str]:
        page = self.client.get("/accounts/2fa/recovery-codes/").content.decode()
        found = re.search(r'id="recovery-codes">([\d\s]+)<', page)
        assert found is not None
        return found[1].split()

    def sign_in(self) -> Response:
        self.client.logout()
        form = {"login": "alice@example.org", "password": self.password}
        return self.client.post("/accounts/login/", form)

    def is_signed_in(self) -> bool:
        return "_auth_user_id" in self.client.session

    def test_it_offers_ways_to_guard_the_account(self) -> None:
        page = self.client.get("/accounts/2fa/")
        self.assertContains(page, "Add a passkey")
        self.assertContains(page, "Set up")

    def test_it_asks_for_the_code_after_the_password(self) -> None:
        secret = self.turn_on()
        self.assertEqual(self.sign_in()["Location"], "/accounts/2fa/authenticate/")
        self.assertFalse(self.is_signed_in())
        self.client.post("/accounts/2fa/authenticate/", {"code": "000000"})
        self.assertFalse(self.is_signed_in())
        self.client.post("/accounts/2fa/authenticate/", {"code": code_for(secret)})
        self.assertTrue(self.is_signed_in())

    def test_it_takes_each_recovery_code_once(self) -> None:
        self.turn_on()
        code = self.recovery_codes()[0]
        self.sign_in()
        self.client.post("/accounts/2fa/authenticate/", {"code": code})
        self.assertTrue(self.is_signed_in())
        self.sign_in()
        self.client.post("/accounts/2fa/authenticate/", {"code": code})
        self.assertFalse(self.is_signed_in())

    def test_it_slows_down_guessing_at_codes(self) -> None:
        secret = self.turn_on()
        self.sign_in()
        for _ in range(5):
            self.client.post("/accounts/2fa/authenticate/", {"code": "000000"})
        self.client.post("/accounts/2fa/authenticate/", {"code": code_for(secret)})
        self.assertFalse(self.is_signed_in())

    def test_it_keeps_secrets_that_the_database_alone_does_not_tell(self) -> None:
        secret = self.turn_on()
        for authenticator in Authenticator.objects.filter(user=self.alice):
            self.assertNotIn(secret, str(authenticator.data))
        self.assertEqual(sealed.unseal(sealed.seal(secret)), secret)

    def test_it_accepts_nothing_any_more_under_another_pepper(self) -> None:
        secret = self.turn_on()
        self.sign_in()
        with self.settings(API_TOKEN_PEPPER="another"):
            self.client.post("/accounts/2fa/authenticate/", {"code": code_for(secret)})
        self.assertFalse(self.is_signed_in())

    def test_it_tells_the_owner_in_the_activity(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            self.turn_on()
        page = self.client.get("/account/activity/?category=security")
        self.assertContains(page, "Added an authenticator app")
        self.assertContains(page, "Added recovery codes")

    def test_it_hides_secrets_from_the_administration(self) -> None:
        self.turn_on()
        self.alice.is_staff = self.alice.is_superuser = True
        self.alice.save()
        self.assertEqual(self.client.get("/admin/mfa/authenticator/").status_code, 404)

    def test_it_can_be_removed_by_whoever_runs_the_server(self) -> None:
        self.turn_on()
        call_command("remove_second_step", "alice@example.org", stdout=StringIO())
        self.sign_in()
        self.assertTrue(self.is_signed_in())
        page = self.client.get("/account/activity/?category=security")
        self.assertContains(page, "Removed every second step")
        with self.assertRaises(CommandError):
            call_command("remove_second_step", "alice@example.org")
        with self.assertRaises(CommandError):
            call_command("remove_second_step", "nobody@example.org")
