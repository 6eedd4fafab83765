from __future__ import annotations

from accounts.closing import close_account
from accounts.models import Reservation, UsageDay
from models_app.models import PredictionRecord, PredictionSource
from models_app.services import Admission, Caller, admit, run_to_end
from models_app.tests.fakes import HELLO, FakeBackend, use_backend
from neuro_site.testing import BaseTestCase


class LeavingAccountTestCase(BaseTestCase):
    def admit(self, **parameters: object) -> Admission:
        return admit(
            caller=Caller(
                user=self.bob,
                project=self.bob.default_project,
                source=PredictionSource.API,
            ),
            language_model="neo-tiny",
            prompts=["one", "two"],
            parameters={"max_new_tokens": 5, **parameters},
        )

    def test_it_ends_every_generation_that_runs(self) -> None:
        with use_backend(FakeBackend(*HELLO)) as backend:
            admission = self.admit(num_return_sequences=2, do_sample=True)
            close_account(user=self.bob)
        public_id = admission.record.public_id
        self.assertEqual(backend.aborted, [f"{public_id}-{n}" for n in range(4)])

    def test_it_leaves_what_has_ended_alone(self) -> None:
        with use_backend(FakeBackend(*HELLO)) as backend:
            run_to_end(self.admit())
            close_account(user=self.bob)
        self.assertEqual(backend.aborted, [])

    def test_it_keeps_nothing_of_a_prediction_that_ends_after_its_account(
        self,
    ) -> None:
        with use_backend(FakeBackend(*HELLO)):
            admission = self.admit()
            bob = self.bob.pk
            close_account(user=self.bob)
            run_to_end(admission)
        self.assertFalse(PredictionRecord.objects.filter(user_id=bob).exists())
        self.assertFalse(UsageDay.objects.filter(user_id=bob).exists())
        self.assertFalse(Reservation.objects.exists())
