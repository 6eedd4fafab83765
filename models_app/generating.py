"""What an admitted call has the backend do, and how that goes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings

from accounts import leases
from accounts.errors import ApplicationError
from models_app.backends import get_backend
from models_app.backends.base import Generation, TokenEvent
from models_app.errors import GenerationFailed
from models_app.merging import merge_once_begun
from models_app.models import PredictionStatus
from models_app.sampling import sampling_of

if TYPE_CHECKING:
    from models_app.services import Admission

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class End:
    """How a call went: given up, as long as nothing else is known."""

    status: PredictionStatus = PredictionStatus.ABORTED
    error: ApplicationError | None = None


@contextmanager
def noting(end: End, admission: Admission) -> Iterator[None]:
    """What happens within, with the reservation kept meanwhile. Errors go no further."""
    keeper = asyncio.ensure_future(leases.keep(admission.reservation))
    try:
        yield
        if admission.run.is_whole:
            end.status = PredictionStatus.SUCCEEDED
    except ApplicationError as error:
        end.status, end.error = PredictionStatus.FAILED, error
    except Exception:
        logger.exception("prediction %s failed", admission.record.public_id)
        end.status, end.error = PredictionStatus.FAILED, GenerationFailed()
    finally:
        keeper.cancel()


def generated(admission: Admission) -> AsyncGenerator[tuple[int, TokenEvent]]:
    """The backend's events, each with its generation's number."""
    backend = get_backend()
    return merge_once_begun([backend.generate(one) for one in _generations(admission)])


def _generations(admission: Admission) -> list[Generation]:
    return [
        Generation(
            request_id=admission.record.request_id(index),
            model=admission.language_model.slug,
            prompt_token_ids=run.prompt.token_ids,
            sampling=sampling_of(
                run, admission.parameters, bad_words_ids=admission.bad_words_ids
            ),
            priority=admission.priority,
            cache_scope=admission.record.project.public_id,
            deadline_seconds=settings.REQUEST_SECONDS,
        )
        for index, run in enumerate(admission.run.generations)
    ]
