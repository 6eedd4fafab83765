from __future__ import annotations

import stat

from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command

from accounts import first_staff
from accounts.models import User
from neuro_site.testing import BaseTestCase, Response

URL = "/account/first-staff/"


class FirstStaffTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        cache.clear()  # attempts are counted here
        settings.FIRST_STAFF_CODE_FILE.unlink(missing_ok=True)
        self.client.force_login(self.alice)

    def enter(self, code: str) -> Response:
        return self.client.post(URL, {"code": code})

    def is_staff(self) -> bool:
        self.alice.refresh_from_db()
        return self.alice.is_staff and self.alice.is_superuser

    def test_it_is_offered_while_nobody_is_staff(self) -> None:
        self.assertContains(self.client.get("/dashboard/"), URL)
        User.objects.filter(pk=self.bob.pk).update(is_staff=True)
        self.assertNotContains(self.client.get("/dashboard/"), URL)
        self.assertEqual(self.client.get(URL).status_code, 404)
        self.assertEqual(self.enter(first_staff.code()).status_code, 404)
        self.assertFalse(self.is_staff())

    def test_it_gives_the_rights_for_the_code_of_the_log(self) -> None:
        self.assertRedirects(self.enter(first_staff.code()), "/admin/")
        self.assertTrue(self.is_staff())

    def test_it_takes_the_code_however_it_was_copied(self) -> None:
        self.enter(f" {first_staff.code().upper().replace('-', ' ')} ")
        self.assertTrue(self.is_staff())

    def test_it_gives_a_stranger_who_came_first_nothing(self) -> None:
        for guess in ("x", "-", "aaaa-aaaa-aaaa-aaaa"):
            self.assertContains(self.enter(guess), "That is not the code")
        self.assertFalse(self.is_staff())

    def test_it_slows_down_guessing(self) -> None:
        statuses = [self.enter("guess").status_code for _ in range(12)]
        self.assertEqual(statuses[-1], 429)
        self.assertEqual(self.enter(first_staff.code()).status_code, 429)

    def test_it_works_once(self) -> None:
        code = first_staff.code()
        self.enter(code)
        User.objects.update(is_staff=False)
        self.client.force_login(self.bob)
        self.enter(code)
        self.assertFalse(User.objects.filter(is_staff=True).exists())

    def test_it_shows_the_code_to_nobody_but_the_servers_own_user(self) -> None:
        self.assertNotContains(self.client.get(URL), first_staff.code())
        mode = settings.FIRST_STAFF_CODE_FILE.stat().st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)

    def test_it_leaves_createsuperuser_as_another_way(self) -> None:
        with self.settings(
            MAIL_IS_CONFIGURED=True, ACCOUNT_EMAIL_VERIFICATION="mandatory"
        ):
            call_command("createsuperuser", interactive=False, email="root@example.org")
            root = User.objects.get(email="root@example.org")
            root.set_password(self.password)
            root.save()
            self.client.logout()
            form = {"login": "root@example.org", "password": self.password}
            response = self.client.post("/accounts/login/", form)
            self.assertEqual(response["Location"], "/dashboard/")
        self.assertFalse(first_staff.is_offered())

    def test_it_is_refused_once_there_is_staff_whoever_asks(self) -> None:
        User.objects.filter(pk=self.bob.pk).update(is_staff=True)
        written = first_staff.code()
        self.assertFalse(first_staff.claim(user=self.alice, written=written))
        self.assertFalse(self.is_staff())
