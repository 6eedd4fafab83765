"""From the body of a call to checked values, by the table of its route."""

from __future__ import annotations

from collections.abc import Mapping

from models_app.api.parsers import read_flag
from models_app.errors import InvalidInput, InvalidParameter
from models_app.nearest import did_you_mean
from models_app.openai.errors import UnknownParameter
from models_app.openai.parameters import Dialect
from models_app.parameters import PARAMETERS_BY_NAME
from models_app.parameters.dialects import require_neutral

Body = Mapping[str, object]


def require_known_names(body: Body, dialect: Dialect) -> None:
    """Refuse what the route does not have, and what this server cannot honour."""
    for name in body:
        if name not in dialect.known and name not in dialect.foreign:
            raise _unknown(name, dialect)
    require_neutral(body, dialect.foreign, hint="Leave it out.")


def read_values(body: Body, dialect: Dialect) -> dict[str, object]:
    """Every parameter of the route, given or by default; None where neither is."""
    values: dict[str, object] = {
        name: parameter.parse(body.get(name))
        for name, parameter in dialect.parameters.items()
    }
    if values["top_p"] == 0:
        # Of which ours has no word, since it leaves one token to draw.
        values |= {"top_p": 1.0, "temperature": 0.0}
    return values


def engine_parameters(values: Mapping[str, object]) -> dict[str, object]:
    """Those that mean the same to `models_app.parameters` under the same name."""
    return {
        name: value
        for name, value in values.items()
        if name in PARAMETERS_BY_NAME and value is not None
    }


def read_model(body: Body) -> str:
    ref = body.get("model")
    if not isinstance(ref, str) or not ref:
        raise InvalidInput("The call names no model.", param="model")
    return ref


def read_stream(body: Body) -> bool:
    return read_flag(body, "stream")


def read_include_usage(body: Body) -> bool:
    """Whether the stream shall end with what the call used."""
    options = body.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise InvalidInput("stream_options must be an object.", param="stream_options")
    for name in options:
        if name not in {"include_usage", "include_obfuscation"}:
            raise InvalidParameter(
                f'stream_options has no field "{str(name)[:100]}".',
                hint="Did you mean include_usage?",
                param="stream_options",
            )
    return read_flag(options, "include_usage", param="stream_options")


def _unknown(name: str, dialect: Dialect) -> UnknownParameter:
    # The nearest name to one of ours is what the route calls it.
    wanted = dialect.own_names.get(name, name)
    return UnknownParameter(
        f'The call has no parameter "{name[:100]}".',
        hint=did_you_mean(
            wanted,
            dialect.known,
            otherwise=f"Known parameters: {', '.join(dialect.known)}.",
        ),
        param=name[:100],
    )
