"""Who calls, read from an API request."""

from __future__ import annotations

from typing import cast

from rest_framework.request import Request

from accounts.models import ApiToken, Project, User
from accounts.storable import is_storable
from models_app.errors import InvalidInput
from models_app.models import PredictionSource
from models_app.services import Caller


def api_caller(
    request: Request, *, source: PredictionSource, project_id: str = ""
) -> Caller:
    """The account behind the request's API token, and the token's project unless the
    call names another one of the account's."""
    api_token = cast("ApiToken", request.auth)
    return Caller(
        user=api_token.user,
        project=_project(api_token, project_id),
        source=source,
        api_token=api_token,
    )


def _project(api_token: ApiToken, project_id: str) -> Project:
    if project_id in ("", api_token.project.public_id):
        return api_token.project
    return find_project(api_token.user, project_id)


def find_project(user: User, public_id: str) -> Project:
    """The account's active project of that id, or `InvalidInput`."""
    active = Project.objects.active().filter(user=user, public_id=public_id)
    project = active.first() if is_storable(public_id) else None
    if project is None:
        raise InvalidInput(
            "You have no project with this id, or it is archived.", param="project"
        )
    return project
