"""The page of one project's webhooks: addresses, secret, and the log of deliveries."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import fresh_sign_in
from accounts.errors import ApplicationError
from accounts.http import AuthenticatedHttpRequest
from accounts.models import Project
from models_app.errors import WebhookNotFound
from models_app.webhooks import managing, secret_once
from models_app.webhooks.addresses import LONGEST_URL
from models_app.webhooks.announcing import announce_test
from models_app.webhooks.events import EVENTS
from models_app.webhooks.models import Webhook, WebhookDelivery
from models_app.webhooks.secrets_of_projects import USUAL_GRACE, renew_secret, secret_of

DELIVERIES_OF_A_PAGE = 20


class AddWebhookForm(forms.Form):
    url = forms.CharField(
        label="Address",
        max_length=LONGEST_URL,
        widget=forms.URLInput(
            attrs={"placeholder": "https://…", "autocomplete": "off"}
        ),
    )
    events = forms.MultipleChoiceField(
        label="Events",
        choices=[(name, name) for name in EVENTS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: all of them, and those that are still to come.",
    )


class RenewSecretForm(forms.Form):
    grace = forms.TypedChoiceField(
        label="The secret of before signs beside it",
        choices=[(0, "no more"), (86_400, "for a day"), (604_800, "for a week")],
        coerce=int,
        initial=int(USUAL_GRACE.total_seconds()),
    )


@require_safe
@never_cache
def project_webhooks(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    project = _find(request, public_id)
    new_secret = secret_once.receive(request, project)
    response = _render(request, project, AddWebhookForm(), new_secret=new_secret)
    if new_secret:
        secret_once.forget(response, project)
    return response


@require_POST
@never_cache
@fresh_sign_in.required
def add(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    project = _find(request, public_id)
    form = AddWebhookForm(request.POST)
    if not form.is_valid():
        return _render(request, project, form)
    try:
        webhook, secret = managing.add_webhook(project=project, **form.cleaned_data)
    except ApplicationError as error:
        form.add_error("url", error.message)
        return _render(request, project, form)
    messages.success(request, f"{webhook.url} is told from now on.")
    return _back(project, secret)


@require_POST
@never_cache
@fresh_sign_in.required
def renew(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    project = _find(request, public_id)
    form = RenewSecretForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose how long the secret of before signs.")
        return _back(project)
    grace = datetime.timedelta(seconds=form.cleaned_data["grace"])
    return _back(project, renew_secret(project, grace=grace))


@require_POST
def switch(
    request: AuthenticatedHttpRequest, public_id: str, webhook_id: str
) -> HttpResponse:
    project = _find(request, public_id)
    webhook = _find_webhook(project, webhook_id)
    managing.change_webhook(webhook, is_enabled=not webhook.is_enabled)
    state = "on" if webhook.is_enabled else "off"
    messages.success(request, f"{webhook.url} is switched {state}.")
    return _back(project)


@require_POST
def delete(
    request: AuthenticatedHttpRequest, public_id: str, webhook_id: str
) -> HttpResponse:
    project = _find(request, public_id)
    webhook = _find_webhook(project, webhook_id)
    managing.delete_webhook(webhook)
    messages.success(request, f"{webhook.url} is told nothing more.")
    return _back(project)


@require_POST
def test(
    request: AuthenticatedHttpRequest, public_id: str, webhook_id: str
) -> HttpResponse:
    project = _find(request, public_id)
    webhook = _find_webhook(project, webhook_id)
    try:
        announce_test(webhook)
    except ApplicationError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"A test is on its way to {webhook.url}.")
    return _back(project)


@require_POST
def resend(
    request: AuthenticatedHttpRequest, public_id: str, delivery_id: str
) -> HttpResponse:
    project = _find(request, public_id)
    try:
        managing.resend(managing.find_delivery(project, delivery_id))
    except WebhookNotFound as error:
        raise Http404 from error
    except ApplicationError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "It is on its way once more.")
    return _back(project)


def _render(
    request: AuthenticatedHttpRequest,
    project: Project,
    form: AddWebhookForm,
    **more: Any,
) -> HttpResponse:
    log = WebhookDelivery.objects.filter(project=project).select_related("webhook")
    pages = Paginator(log.prefetch_related("attempts"), DELIVERIES_OF_A_PAGE)
    context = {
        "project": project,
        "form": form,
        "renew_form": RenewSecretForm(),
        "webhooks": project.webhooks.all(),
        "secret": secret_of(project),
        "deliveries": pages.get_page(request.GET.get("page")),
        **more,
    }
    return render(request, "models_app/project_webhooks.html", context)


def _back(project: Project, secret: str | None = None) -> HttpResponse:
    response = redirect("project_webhooks", project.public_id)
    if secret is not None:
        secret_once.hand_over(response, secret, project)
    return response


def _find(request: AuthenticatedHttpRequest, public_id: str) -> Project:
    return get_object_or_404(Project, user=request.user, public_id=public_id)


def _find_webhook(project: Project, public_id: str) -> Webhook:
    return get_object_or_404(
        Webhook.objects.select_related("project__user"),
        project=project,
        public_id=public_id,
    )
