"""From what a caller sent to validated values."""

from __future__ import annotations

import random
from collections.abc import Mapping

import msgspec

from models_app.errors import InvalidParameter
from models_app.nearest import did_you_mean
from models_app.parameters.combinations import require_sense
from models_app.parameters.parameter import shown
from models_app.parameters.table import PARAMETERS, PARAMETERS_BY_NAME
from models_app.parameters.values import GenerationParameters

# A drawn seed stays exact in every client, JavaScript's numbers included.
DRAWN_SEED_LIMIT = 2**32


def parse(raw: Mapping[str, object]) -> GenerationParameters:
    """Validate a caller's parameters; `InvalidParameter` names the one that is wrong."""
    for name in raw:
        if name not in PARAMETERS_BY_NAME:
            raise _unknown(name)
    values = {
        parameter.name: parameter.parse(raw.get(parameter.name))
        for parameter in PARAMETERS
    }
    if raw.get("max_new_tokens") is None:
        values["max_new_tokens"] = None
    if values["seed"] is None:
        values["seed"] = random.randrange(DRAWN_SEED_LIMIT)  # noqa: S311
    parameters = msgspec.convert(values, GenerationParameters)
    require_sense(parameters)
    return parameters


def _unknown(name: str) -> InvalidParameter:
    known = ", ".join(PARAMETERS_BY_NAME)
    return InvalidParameter(
        f"There is no parameter {shown(name)}.",
        hint=did_you_mean(
            str(name), PARAMETERS_BY_NAME, otherwise=f"Known parameters: {known}."
        ),
        param=str(name)[:100],
    )
