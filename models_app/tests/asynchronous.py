from __future__ import annotations

from typing import Any

from models_app.asynchronous import service
from models_app.asynchronous.models import AsyncPrediction
from models_app.tests.calling import CallingTestCase

# Of a call to `create`: what is reserved for it, and what `fakes.HELLO` uses.
MOST, USED = 24, 9


class AsynchronousTestCase(CallingTestCase):
    def create(self, **changes: Any) -> AsyncPrediction:
        call = self.call(parameters={"max_new_tokens": 20})
        return service.create(**call | changes)

    def again(self, prediction: AsyncPrediction) -> AsyncPrediction:
        return service.find(prediction.project, prediction.public_id)
