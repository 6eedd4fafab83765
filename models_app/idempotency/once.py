"""`Idempotency-Key`: the same call again gets the answer that it got.

A view's method is decorated with `answered_once`. Nothing is remembered of failures of
the server and of limits that refused (5xx, 429): such a call may succeed next time. What
charges, or makes something, is remembered in the very transaction that does it, by
`settling`, `settling_stream` and `remember_created`; a process that is killed leaves
both or neither.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec
from django.db import transaction
from django.http.response import HttpResponse, HttpResponseBase
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import ApplicationError
from accounts.models import ApiToken
from accounts.sealed import seal, unseal
from models_app import services
from models_app.errors import InvalidInput
from models_app.idempotency import keys
from models_app.idempotency.models import IdempotencyKey
from models_app.models import PredictionStatus
from models_app.predictions import Prediction
from models_app.sse import CONTENT_TYPE, Render, headers_of, whole_stream

HEADER = "Idempotency-Key"
REPLAYED = {"Idempotent-Replayed": "true"}
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

View = TypeVar("View")
Rest = ParamSpec("Rest")
Method = Callable[Concatenate[View, Request, Rest], HttpResponseBase]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Either a body, or the error that a door words in its own way."""

    status: int
    headers: dict[str, str]
    body: Any = None
    # Instead of `body`, all events of a stream that has come to its end.
    events: str = ""
    # Instead of `body`, where that has a secret: the database keeps none in the clear.
    sealed: str = ""
    error: dict[str, Any] | None = None


class SecretResponse(Response):
    """An answer with a secret in it."""


class Once:
    """One call that has a key, as it is carried out."""

    def __init__(self, row: IdempotencyKey) -> None:
        self._row = row
        self.answer: Answer | None = None

    def remember(self, answer: Answer) -> None:
        self.answer = answer
        keys.remember(self._row, msgspec.json.encode(answer).decode())

    def release(self) -> None:
        keys.release(self._row)

    @contextmanager
    def or_released(self) -> Iterator[None]:
        """The call ends within: with an answer, or it has come to nothing."""
        try:
            yield
        finally:
            if self.answer is None:
                self.release()


def answered_once(
    method: Method[View, Rest],
) -> Callable[Concatenate[View, Request, Rest], HttpResponseBase]:
    """Let a POST be carried out once under its key, if it has one."""

    @functools.wraps(method)
    def post(
        view: View, request: Request, *args: Rest.args, **kwargs: Rest.kwargs
    ) -> HttpResponseBase:
        key, api_token = request.headers.get(HEADER), request.auth
        if key is None or not isinstance(api_token, ApiToken):
            return method(view, request, *args, **kwargs)
        row = keys.claim(api_token, _checked(key), _digest(request))
        if row.answer:
            return _replayed(msgspec.json.decode(row.answer, type=Answer))
        once = Once(row)
        setattr(request._request, _ATTRIBUTE, once)
        return _carry_out(once, lambda: method(view, request, *args, **kwargs))

    return post  # type: ignore[return-value]


def settling(
    request: Request,
    render: Callable[[Prediction], Any],
    headers: Callable[[Prediction], Mapping[str, str]] = lambda _: {},
) -> services.Close | None:
    """For `services.predict`: remembers in the transaction that charges."""

    def answer(admission: services.Admission) -> Answer:
        prediction = services.prediction_of(admission)
        return Answer(
            status=status.HTTP_200_OK,
            headers=dict(headers(prediction)),
            body=render(prediction),
        )

    once = _once(request)
    return _remembering(once, answer) if once else None


def settling_stream(
    request: Request, renderer_of: Callable[[services.Admission], Render]
) -> services.Close | None:
    """For `event_stream_response`: the same of a stream that comes to its end. One that
    does not is begun anew by the same call, as nobody could go on with its middle."""
    once = _once(request)
    if once is None:
        return None

    def answer(admission: services.Admission) -> Answer:
        return Answer(
            status=status.HTTP_200_OK,
            headers=headers_of(admission),
            events=whole_stream(admission, renderer_of(admission)),
        )

    remember = _remembering(once, answer)

    def settle(
        admission: services.Admission,
        ended: PredictionStatus,
        error: ApplicationError | None,
    ) -> bool:
        is_told = ended == PredictionStatus.SUCCEEDED
        with once.or_released():
            return (remember if is_told else services.close)(admission, ended, error)

    return settle


@contextmanager
def remember_created(
    request: Request,
) -> Iterator[Callable[[Callable[[], Response]], None]]:
    """What makes something tells what this yields how to answer, in one transaction.
    Without a key nobody asks."""
    once = _once(request)
    if once is None:
        yield lambda answer: None
        return
    with transaction.atomic():
        yield lambda answer: once.remember(_of(answer()))


def _remembering(
    once: Once, answer: Callable[[services.Admission], Answer]
) -> services.Close:
    """Closes an admission and remembers its answer, unless an error ended it, in one."""

    def settle(
        admission: services.Admission,
        ended: PredictionStatus,
        error: ApplicationError | None,
    ) -> bool:
        with transaction.atomic():
            is_closed = services.close(admission, ended, error)
            if is_closed and error is None:
                once.remember(answer(admission))
        return is_closed

    return settle


_ATTRIBUTE = "answered_once"


def _once(request: Request) -> Once | None:
    return getattr(request._request, _ATTRIBUTE, None)


def _carry_out(once: Once, call: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    try:
        response = call()
    except ApplicationError as error:
        if error.status_code >= status.HTTP_500_INTERNAL_SERVER_ERROR or (
            error.status_code == status.HTTP_429_TOO_MANY_REQUESTS
        ):
            once.release()
        else:
            once.remember(_of_error(error))
        raise
    except BaseException:
        once.release()
        raise
    if isinstance(response, Response):
        once.remember(_of(response))
    return response


def _of(response: Response) -> Answer:
    headers = {name: str(value) for name, value in response.headers.items()}
    answer = Answer(status=response.status_code, headers=headers, body=response.data)
    if not isinstance(response, SecretResponse):
        return answer
    sealed = seal(msgspec.json.encode(response.data).decode())
    return replace(answer, body=None, sealed=sealed)


def _of_error(error: ApplicationError) -> Answer:
    told = {
        name: getattr(error, name)
        for name in ("code", "message", "hint", "param", "retry_after")
    }
    return Answer(status=error.status_code, headers={}, error=told)


def _replayed(answer: Answer) -> HttpResponseBase:
    if answer.events:
        return HttpResponse(
            answer.events,
            content_type=CONTENT_TYPE,
            headers=answer.headers | REPLAYED,
        )
    if answer.error is None:
        headers = answer.headers | REPLAYED
        body = answer.body
        if answer.sealed:
            body = msgspec.json.decode(unseal(answer.sealed))
        return Response(body, status=answer.status, headers=headers)
    told = dict(answer.error)
    code = told.pop("code")
    error = ApplicationError(told.pop("message"), **told)
    error.code, error.status_code = code, answer.status
    error.headers = REPLAYED
    raise error


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise InvalidInput(
            "Idempotency-Key must have 1 to 255 ASCII characters, none a space.",
            param=HEADER,
        )
    return key


def _digest(request: Request) -> str:
    called = f"{request.method} {request.get_full_path()}\n".encode()
    return hashlib.sha256(called + request._request.body).hexdigest()
