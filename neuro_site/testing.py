"""The base of Django tests, with the three accounts that they speak about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from django.core.cache import cache
from django.test import TestCase, override_settings

from accounts import rate_limits, tier_overrides
from accounts.api_tokens import issue_api_token
from accounts.mailing import wait_until_sent
from accounts.models import ApiToken, User
from accounts.services import register_user
from accounts.tiers import Tier

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

# What the test client returns.
Response: TypeAlias = "_MonkeyPatchedWSGIResponse"

PASSWORD = "correct horse battery staple"


@override_settings(
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    RATE_LIMIT_STORAGE="memory://",
)
class BaseTestCase(TestCase):
    """alice is a Developer, bob is Premium, charlie is an outsider on Free.

    Each has one API token; `alice_api_token` and so on are the plaintexts.
    """

    password = PASSWORD
    alice: ClassVar[User]
    bob: ClassVar[User]
    charlie: ClassVar[User]
    alice_api_token: ClassVar[str]
    bob_api_token: ClassVar[str]
    charlie_api_token: ClassVar[str]

    @classmethod
    def setUpTestData(cls) -> None:
        cls.alice, cls.alice_api_token = _register("alice", Tier.DEVELOPER)
        cls.bob, cls.bob_api_token = _register("bob", Tier.PREMIUM)
        cls.charlie, cls.charlie_api_token = _register("charlie", Tier.FREE)

    def setUp(self) -> None:
        # The throttles of allauth count in the cache, which no rollback empties.
        cache.clear()
        rate_limits.reset()
        tier_overrides.forget()

    def tearDown(self) -> None:
        # Mail that is still on its way would arrive in the next test's outbox.
        wait_until_sent()

    def bearer(self, plaintext: str) -> dict[str, str]:
        """Headers for the test client: `headers=self.bearer(self.alice_api_token)`."""
        return {"authorization": f"Bearer {plaintext}"}

    def api_token_of(self, user: User) -> ApiToken:
        return ApiToken.objects.get(project__user=user)


async def read_stream(response: Any) -> bytes:
    """The whole of an answer that is made while it is sent."""
    return b"".join([chunk async for chunk in response.streaming_content])


def _register(name: str, tier: Tier) -> tuple[User, str]:
    user = register_user(email=f"{name}@example.org", password=PASSWORD, tier=tier)
    _, plaintext = issue_api_token(project=user.default_project, name="test script")
    return user, plaintext
