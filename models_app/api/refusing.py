"""An error of a call whose view has returned already, as the view would have said it."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.errors import ApplicationError
from models_app.sse import Refuse


def refusing(request: Request) -> Refuse:
    view: APIView = request.parser_context["view"]

    def refuse(error: ApplicationError) -> HttpResponse:
        answer = view.finalize_response(request, view.handle_exception(error))
        answer.render()
        return answer

    return refuse
