"""What an address asks for after its question mark."""

from __future__ import annotations

from rest_framework.request import Request

from models_app.errors import InvalidInput


def read_query(request: Request) -> dict[str, str]:
    """Each name with its value, and `InvalidInput` for one that is given twice: nobody
    could know which of the values is meant."""
    for name, values in request.query_params.lists():
        if len(values) > 1:
            raise InvalidInput(
                f"The address says {name[:100]} more than once.",
                hint="Say it once.",
                param=name[:100],
            )
    return request.query_params.dict()
