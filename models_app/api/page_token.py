"""An API token for the page that tries the APIs, from the session of the browser.

The APIs take no cookies, so no page of another site can call them for who is signed in
here. Their own page asks for an API token instead, with a form that is protected as all
forms are, and then calls like everybody else: same errors, limits and ledger.

It may do no more than the pages that the session opens anyway, so that it asks for no
fresh sign-in: predictions, as in the playground, and reading the usage.
"""

from __future__ import annotations

import datetime

from django.http import JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.api_tokens import issue_api_token, revoke_api_token
from accounts.errors import Conflict
from accounts.http import AuthenticatedHttpRequest
from accounts.models import ApiToken, Scope
from accounts.token_options import TokenOptions

NAME = "Page of the APIs"
LIFE = datetime.timedelta(hours=1)
_SESSION_KEY = "page_api_token"


@require_POST
@never_cache
def page_token(request: AuthenticatedHttpRequest) -> JsonResponse:
    """A new one in the default project; the session's one before ends."""
    project = request.user.default_project
    for before in ApiToken.objects.filter(
        project=project, public_id=request.session.pop(_SESSION_KEY, "")
    ):
        revoke_api_token(api_token=before)
    options = TokenOptions(
        scopes=[Scope.PREDICT.value, Scope.READ_USAGE.value],
        expires_at=timezone.now() + LIFE,
    )
    try:
        api_token, plaintext = issue_api_token(
            project=project, name=NAME, options=options
        )
    except Conflict as error:
        return JsonResponse({"message": error.message}, status=error.status_code)
    request.session[_SESSION_KEY] = api_token.public_id
    return JsonResponse({"api_token": plaintext}, status=201)
