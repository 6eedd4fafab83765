from __future__ import annotations

from typing import cast

from rest_framework.views import APIView

from accounts.models import ApiToken, Project, Scope
from accounts.permissions import HasScope


class ProjectView(APIView):
    """Of what belongs to a project, for its API tokens with one scope: texts are read
    with the scope that makes them."""

    permission_classes = [HasScope]
    required_scope = Scope.PREDICT

    @property
    def project(self) -> Project:
        return cast("ApiToken", self.request.auth).project
