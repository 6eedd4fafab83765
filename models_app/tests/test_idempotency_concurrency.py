"""Equal calls at the same moment, with a connection each: real threads, no fakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections
from django.test import TransactionTestCase, override_settings

from accounts.api_tokens import issue_api_token
from accounts.errors import ApplicationError
from accounts.models import User
from accounts.services import register_user
from accounts.tiers import Tier
from models_app.asynchronous import service
from models_app.asynchronous.models import AsyncPrediction
from models_app.calls import Caller
from models_app.idempotency import keys
from models_app.models import PredictionSource
from models_app.tests.fakes import FakeBackend, use_backend
from neuro_site.testing import PASSWORD

AT_ONCE = 6


def outcomes(work: Callable[[], object]) -> Counter[str]:
    """What each of several threads that began together came to."""
    together = Barrier(AT_ONCE)

    def attempt(_: int) -> str:
        together.wait()
        try:
            work()
        except ApplicationError as error:
            return error.code
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return Counter(threads.map(attempt, range(AT_ONCE)))


@override_settings(
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    RATE_LIMIT_STORAGE="memory://",
)
class ConcurrencyTests(TransactionTestCase):
    def setUp(self) -> None:
        self.user: User = register_user(
            email="dora@example.org", password=PASSWORD, tier=Tier.PREMIUM
        )

    def test_it_lets_one_of_equal_calls_through(self) -> None:
        api_token, _ = issue_api_token(
            project=self.user.default_project, name="concurrent"
        )

        found = outcomes(lambda: keys.claim(api_token, "key", "digest"))

        self.assertEqual(found, {"done": 1, "idempotency_key_in_use": AT_ONCE - 1})

    def test_it_lets_no_more_into_the_queue_than_there_is_room_for(self) -> None:
        self.user.staff_limits = {"queued_predictions": 2}
        self.user.save()
        caller = Caller(
            user=self.user,
            project=self.user.default_project,
            source=PredictionSource.API,
        )

        def create() -> None:
            service.create(
                caller=caller, language_model="neo-tiny", prompts=["Say"], parameters={}
            )

        with use_backend(FakeBackend()):
            found = outcomes(create)

        self.assertEqual(found, {"done": 2, "queue_full": AT_ONCE - 2})
        self.assertEqual(AsyncPrediction.objects.count(), 2)
