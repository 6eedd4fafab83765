from __future__ import annotations

from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import override_settings
from django.urls import reverse

from accounts import mailing
from accounts.models import User
from neuro_site.testing import BaseTestCase, Response

WAITING = "/accounts/waiting/"
APPROVALS = "/account/approvals/"

with_mail = override_settings(
    MAIL_IS_CONFIGURED=True, ACCOUNT_EMAIL_VERIFICATION="mandatory"
)


class RegistrationTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        cache.clear()  # allauth counts attempts here
        User.objects.filter(pk=self.bob.pk).update(is_staff=True, is_superuser=True)

    def sign_up(self, email: str = "dave@example.org") -> Response:
        form = {"email": email, "password1": "a long enough phrase"}
        return self.client.post("/accounts/signup/", form)

    def sign_in(self, password: str = "") -> Response:
        form = {
            "login": "dave@example.org",
            "password": password or "a long enough phrase",
        }
        return self.client.post("/accounts/login/", form)

    def decide(self, decision: str, email: str = "dave@example.org") -> Response:
        self.client.force_login(self.bob)
        newcomer = User.objects.get(email=email)
        url = reverse("account_decide", args=[newcomer.pk])
        response = self.client.post(url, {"decision": decision}, follow=True)
        self.client.logout()
        return response

    def is_signed_in(self) -> bool:
        return "_auth_user_id" in self.client.session


@override_settings(REGISTRATION="closed")
class ClosedTestCase(RegistrationTestCase):
    def test_it_lets_nobody_register_and_says_so(self) -> None:
        response = self.sign_up()
        self.assertContains(response, "Registration is closed")
        self.assertFalse(User.objects.filter(email="dave@example.org").exists())

    def test_it_invites_nobody_to_register(self) -> None:
        pages = ("/", "/tiers/", "/models/", "/models/neo-tiny", "/accounts/login/")
        for page in (*pages, "/models/gpt-neo-125m", "/accounts/password/reset/"):
            shown = self.client.get(page)
            self.assertNotContains(shown, "/accounts/signup/")
            self.assertContains(shown, "/accounts/login/")
            self.assertNotContains(shown, "Create account")

    def test_it_says_on_the_pages_that_invited_what_to_do(self) -> None:
        for page in ("/", "/tiers/", "/accounts/login/", "/accounts/signup/"):
            self.assertContains(self.client.get(page), "Whoever runs this server")


@override_settings(REGISTRATION="approval")
class ApprovalTestCase(RegistrationTestCase):
    def test_it_shows_who_registers_that_they_wait(self) -> None:
        self.assertRedirects(self.sign_up(), WAITING)
        self.assertContains(self.client.get(WAITING), "Now somebody decides")
        self.assertFalse(self.is_signed_in())

    def test_it_says_beforehand_that_staff_decide(self) -> None:
        page = self.client.get("/accounts/signup/")
        self.assertContains(page, "once they have accepted yours")

    def test_it_keeps_them_out_until_staff_accept(self) -> None:
        self.sign_up()
        self.assertContains(self.sign_in(), "once staff have accepted it")
        self.assertFalse(self.is_signed_in())
        self.assertContains(self.decide("accept"), "may sign in now")
        self.assertRedirects(self.sign_in(), reverse("dashboard"))

    def test_it_deletes_whom_staff_refuse(self) -> None:
        self.sign_up()
        self.assertContains(self.decide("refuse"), "nothing is kept")
        self.assertFalse(User.objects.filter(email="dave@example.org").exists())

    def test_it_tells_a_wrong_password_nothing_about_who_waits(self) -> None:
        self.sign_up()
        response = self.sign_in("another phrase")
        self.assertContains(response, "is not correct")

    def test_it_shows_staff_who_waits(self) -> None:
        self.sign_up()
        self.client.force_login(self.bob)
        self.assertContains(self.client.get(APPROVALS), "dave@example.org")
        self.assertContains(self.client.get("/account/"), "Approvals")

    def test_it_shows_nobody_else(self) -> None:
        self.sign_up()
        newcomer = User.objects.get(email="dave@example.org")
        self.client.force_login(self.alice)
        self.assertEqual(self.client.get(APPROVALS).status_code, 403)
        url = reverse("account_decide", args=[newcomer.pk])
        self.assertEqual(self.client.post(url).status_code, 403)
        self.assertNotContains(self.client.get("/account/"), "Approvals")

    def test_it_decides_only_about_who_waits(self) -> None:
        self.client.force_login(self.bob)
        url = reverse("account_decide", args=[self.alice.pk])
        response = self.client.post(url, {"decision": "refuse"})
        self.assertEqual(response.status_code, 404)
        self.assertTrue(User.objects.filter(pk=self.alice.pk).exists())

    def test_it_deletes_nobody_for_want_of_a_decision(self) -> None:
        self.sign_up()
        self.assertContains(self.decide("perhaps"), "Nothing is decided")
        self.assertTrue(User.objects.filter(email="dave@example.org").exists())

    def test_it_lets_staff_decide_in_the_administration(self) -> None:
        for action, is_kept in (("accept", True), ("refuse", False)):
            self.sign_up(f"{action}@example.org")
            newcomer = User.objects.get(email=f"{action}@example.org")
            self.client.force_login(self.bob)
            form = {"action": action, "_selected_action": [newcomer.pk]}
            self.client.post("/admin/accounts/user/", form)
            self.client.logout()
            remaining = User.objects.filter(pk=newcomer.pk, awaits_approval=False)
            self.assertEqual(remaining.exists(), is_kept)

    @with_mail
    def test_it_tells_staff_once_the_address_is_confirmed(self) -> None:
        self.sign_up()
        mailing.wait_until_sent()
        self.assertEqual(
            [message.to for message in mail.outbox], [["dave@example.org"]]
        )
        self.client.force_login(self.bob)
        self.assertContains(self.client.get(APPROVALS), "Nobody is waiting")
        self.client.logout()
        self.confirm(str(mail.outbox[0].body))
        self.assertEqual(mail.outbox[-1].to, ["bob@example.org"])
        self.assertIn("dave@example.org has registered", str(mail.outbox[-1].body))
        self.assertIn(APPROVALS, str(mail.outbox[-1].body))

    @with_mail
    def test_it_tells_the_newcomer_what_was_decided(self) -> None:
        for decision, word in (("accept", "accepted"), ("refuse", "refused")):
            self.sign_up(f"{decision}@example.org")
            EmailAddress.objects.update(verified=True)
            self.decide(decision, f"{decision}@example.org")
            mailing.wait_until_sent()
            self.assertEqual(mail.outbox[-1].to, [f"{decision}@example.org"])
            self.assertIn(word, str(mail.outbox[-1].body))

    def confirm(self, body: str) -> None:
        link = next(word for word in body.split() if "/confirm-email/" in word)
        self.client.post(link)
        mailing.wait_until_sent()


class OpenTestCase(RegistrationTestCase):
    @with_mail
    def test_it_waits_for_the_address_to_be_confirmed(self) -> None:
        self.assertRedirects(self.sign_up(), "/accounts/confirm-email/")
        self.assertFalse(self.is_signed_in())
        mailing.wait_until_sent()
        link = next(
            word
            for word in str(mail.outbox[0].body).split()
            if "/confirm-email/" in word
        )
        # Programs that look at every link of a mail must not confirm it.
        self.client.get(link)
        self.assertFalse(EmailAddress.objects.get(email="dave@example.org").verified)
        self.client.post(link)
        self.assertTrue(EmailAddress.objects.get(email="dave@example.org").verified)
