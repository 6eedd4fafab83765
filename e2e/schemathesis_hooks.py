"""What schemathesis cannot know by itself."""

from __future__ import annotations

import os
from typing import Any

import schemathesis
from schemathesis.core.failures import Failure

ONE_OF_A_KIND = "SCHEMATHESIS_ONE_OF_A_KIND" in os.environ
# Where one of these is wrong, a call is refused for it, whatever else it has.
READ_FIRST = ("Idempotency-Key", "Cancel-After", "Prefer", "Last-Event-ID", "cursor")
NOT_INSTALLED = "model_not_installed"

_kinds: set[tuple[object, ...]] = set()


@schemathesis.serializer("application/jsonl")
def write_json_lines(context: schemathesis.SerializationContext, value: Any) -> bytes:
    """A made-up file has bytes, an example is text."""
    content = getattr(value, "data", value)
    return content if isinstance(content, bytes) else str(content).encode()


@schemathesis.hook
def filter_case(
    context: schemathesis.HookContext, case: schemathesis.Case[Any]
) -> bool:
    """Coverage has hundreds of cases of an operation, and most differ in the name of a
    field alone."""
    about = _coverage_of(case)
    if not ONE_OF_A_KIND or about is None:
        return True
    kind = (case.operation.label, about.scenario, about.parameter_location)
    is_new = kind not in _kinds
    _kinds.add(kind)
    return is_new


@schemathesis.hook
def map_case(
    context: schemathesis.HookContext, case: schemathesis.Case[Any]
) -> schemathesis.Case[Any]:
    """Coverage sends all fields with every case, and makes up what only answers give."""
    about = _coverage_of(case)
    if about is not None and about.parameter not in READ_FIRST:
        for values in (case.headers, case.query):
            for name in READ_FIRST:
                (values or {}).pop(name, None)
    return case


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext,
    failure: Failure,
    case: schemathesis.Case[Any],
    response: schemathesis.Response,
) -> bool:
    """The catalogue has models that are not installed here, and 503 says so."""
    is_that = response.status_code == 503 and NOT_INSTALLED in response.text
    return not (is_that and type(failure).__name__ == "ServerError")


def _coverage_of(case: schemathesis.Case[Any]) -> Any:
    """What a case of coverage is about; None for one of another phase."""
    phase = case.meta.phase if case.meta else None
    return phase.data if phase and phase.name == "coverage" else None
