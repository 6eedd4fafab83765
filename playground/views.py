from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import ApplicationError
from accounts.http import AuthenticatedHttpRequest
from models_app import services as predictions
from models_app.models import LanguageModel, PredictionSource
from models_app.snippets import PROMPT, build
from models_app.sse import event_stream_response
from playground import errors
from playground.choices import first_choice, model_choices
from playground.events import completion_of, render_event, summary_of
from playground.forms import Submission, parameter_form, read_submission
from playground.projects import offered_projects, project_of_call
from playground.services import count_tokens, parameters_to_write


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def playground(request: AuthenticatedHttpRequest) -> HttpResponse:
    """The page. Posting its form runs the prompt for browsers without JavaScript."""
    if request.method != "POST":
        return _render(request, request.GET)
    submission = read_submission(request.POST)
    try:
        prediction = predictions.predict(
            caller=_caller(request), **_call_of(submission)
        )
    except ApplicationError as error:
        shown = {"error": errors.show(error)}
        return _render(request, request.POST, shown, status=error.status_code)
    outcome = {
        "completions": [
            (completion.text, completion_of(completion))
            for completion in prediction.completions
        ],
        "summary": summary_of(prediction),
    }
    return _render(request, request.POST, outcome)


@require_POST
def stream(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    submission = read_submission(request.POST)
    try:
        admission = predictions.admit(caller=_caller(request), **_call_of(submission))
    except ApplicationError as error:
        return errors.respond(error)
    return event_stream_response(admission, render_event, errors.respond)


@require_POST
def tokens(request: AuthenticatedHttpRequest) -> HttpResponse:
    submission = read_submission(request.POST)
    try:
        count = count_tokens(
            user=request.user,
            language_model=submission.language_model,
            text=submission.prompt,
        )
    except ApplicationError as error:
        return errors.respond(error)
    return JsonResponse(
        {"tokens": count.tokens, "context_length": count.context_length}
    )


@require_POST
def code(request: AuthenticatedHttpRequest) -> HttpResponse:
    """The call that the form describes, as programs; a fragment for the page's dialog."""
    submission = read_submission(request.POST)
    try:
        entry = LanguageModel.objects.resolve(submission.language_model)
    except ApplicationError as error:
        return errors.respond(error)
    snippets = build(
        entry,
        base_url=request.build_absolute_uri("/"),
        prompt=submission.prompt or PROMPT,
        parameters=parameters_to_write(submission.parameters),
    )
    return render(request, "models_app/_snippets.html", {"snippets": snippets})


def _caller(request: AuthenticatedHttpRequest) -> predictions.Caller:
    return predictions.Caller(
        user=request.user,
        project=project_of_call(request),
        source=PredictionSource.PLAYGROUND,
    )


def _call_of(submission: Submission) -> dict[str, Any]:
    return {
        "language_model": submission.language_model,
        "prompts": [submission.prompt],
        "parameters": submission.parameters,
    }


def _render(
    request: AuthenticatedHttpRequest,
    data: QueryDict,
    more: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    choices = model_choices(request.user)
    chosen, error = first_choice(choices), None
    try:
        if ref := data.get("model"):
            wanted = LanguageModel.objects.resolve(ref)
            chosen = next(c for c in choices if c.language_model == wanted)
    except ApplicationError as caught:
        error = errors.show(caught)
    projects, project = offered_projects(request)
    context = {
        "choices": choices,
        "projects": projects,
        "project": project,
        "chosen": chosen,
        "prompt": data.get("prompt", "").replace("\r\n", "\n"),
        "parameter_form": parameter_form(
            data,
            limits=request.user.limits,
            is_submitted=request.method == "POST",
        ),
        "error": error,
        **(more or {}),
    }
    return render(request, "playground/playground.html", context, status=status)
