"""What an API token's scopes open, as a DRF policy."""

from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.access import require_scope
from accounts.models import ApiToken, Scope


class HasScope(BasePermission):
    """Views name the scope that they need in `required_scope`."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        scope: Scope = view.required_scope  # type: ignore[attr-defined]
        if isinstance(request.auth, ApiToken):
            require_scope(request.auth, scope)
        return isinstance(request.auth, ApiToken)
