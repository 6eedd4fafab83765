"""The page of one project's webhooks: addresses, secret, and the log of deliveries."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts import fresh_sign_in, rate_limits
from accounts.errors import ApplicationError
from accounts.http import AuthenticatedHttpRequest
from accounts.models import Project
from accounts.token_forms import RotateApiTokenForm
from models_app.errors import WebhookNotFound
from models_app.webhook_forms import EditWebhookForm, WebhookForm
from models_app.webhooks import managing, secret_once
from models_app.webhooks.announcing import announce_test
from models_app.webhooks.models import Webhook, WebhookDelivery
from models_app.webhooks.secrets_of_projects import renew_secret, secret_of

DELIVERIES_OF_A_PAGE = 20
A_DAY = 86_400

Row = TypeVar("Row", Webhook, WebhookDelivery)
Act: TypeAlias = Callable[[Row], str]
View: TypeAlias = Callable[[AuthenticatedHttpRequest, str, str], HttpResponse]


@require_safe
@never_cache
def project_webhooks(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    project = _find(request, public_id)
    new_secret = secret_once.receive(request, project)
    response = _render(request, project, WebhookForm(), new_secret=new_secret)
    if new_secret:
        secret_once.forget(response, project)
    return response


@require_POST
@never_cache
@fresh_sign_in.required
def add(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    project = _find(request, public_id)
    form = WebhookForm(request.POST)
    if not form.is_valid():
        return _render(request, project, form)
    try:
        webhook, secret = managing.add_webhook(project=project, **form.cleaned_data)
    except ApplicationError as error:
        form.add_error(None, error.message)
        return _render(request, project, form)
    messages.success(
        request, f"{webhook.url} is told from now on. Test it to see that it answers."
    )
    return _back(project, secret)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def edit(
    request: AuthenticatedHttpRequest, public_id: str, row_id: str
) -> HttpResponse:
    """To send what is told elsewhere asks for a fresh sign-in."""
    webhook = get_object_or_404(
        Webhook.objects.select_related("project__user"),
        project=_find(request, public_id),
        public_id=row_id,
    )
    form = EditWebhookForm(
        request.POST if request.method == "POST" else None, webhook=webhook
    )
    if not form.is_valid():
        context = {"form": form, "webhook": webhook, "project": webhook.project}
        return render(request, "models_app/edit_webhook.html", context)
    save = fresh_sign_in.required(_save) if form.leads_elsewhere else _save
    return save(request, webhook, form)


@require_POST
@never_cache
@fresh_sign_in.required
def renew(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    project = _find(request, public_id)
    form = RotateApiTokenForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose when the old value ends.")
        return _back(project)
    return _back(project, renew_secret(project, grace=form.period))


def _button(find: Callable[[Project, str], Row]) -> Callable[[Act[Row]], View]:
    """A view that does something to one row of a project, and says what it did."""

    def view_of(act: Act[Row]) -> View:
        @require_POST
        @functools.wraps(act)
        def view(
            request: AuthenticatedHttpRequest, public_id: str, row_id: str
        ) -> HttpResponse:
            project = _find(request, public_id)
            try:
                done = act(find(project, row_id))
            except WebhookNotFound as error:
                raise Http404 from error
            except ApplicationError as error:
                messages.error(request, error.message)
            else:
                messages.success(request, done)
            return _back(project)

        return view

    return view_of


@_button(managing.find_webhook)
def switch(webhook: Webhook) -> str:
    managing.change_webhook(webhook, is_enabled=not webhook.is_enabled)
    if webhook.is_enabled:
        return f"{webhook.url} is switched on. Test it to see that it answers."
    return f"{webhook.url} is switched off and told nothing."


@_button(managing.find_webhook)
def delete(webhook: Webhook) -> str:
    managing.delete_webhook(webhook)
    return f"{webhook.url} is told nothing more."


@_button(managing.find_webhook)
def test(webhook: Webhook) -> str:
    rate_limits.check_request(webhook.project.user)
    announce_test(webhook)
    return f"A test is on its way to {webhook.url}."


@_button(managing.find_delivery)
def resend(delivery: WebhookDelivery) -> str:
    rate_limits.check_request(delivery.project.user)
    managing.resend(delivery)
    return "It is on its way once more."


def _save(
    request: AuthenticatedHttpRequest, webhook: Webhook, form: EditWebhookForm
) -> HttpResponse:
    if form.has_changed():
        managing.change_webhook(webhook, **form.cleaned_data)
        done = "is changed from now on. Test it to see that it answers"
    else:
        done = "is as it was"
    messages.success(request, f"{webhook.url} {done}.")
    return _back(webhook.project)


def _render(
    request: AuthenticatedHttpRequest,
    project: Project,
    form: WebhookForm,
    **more: Any,
) -> HttpResponse:
    log = WebhookDelivery.objects.filter(project=project).select_related("webhook")
    # What was said may be long, and the page only asks whether it is still there.
    light = log.defer("payload").annotate(is_kept=~Q(payload=""))
    pages = Paginator(light.prefetch_related("attempts"), DELIVERIES_OF_A_PAGE)
    deliveries = pages.get_page(request.GET.get("page"))
    context = {
        "project": project,
        "form": form,
        "renew_form": RotateApiTokenForm(initial={"grace": A_DAY}),
        "webhooks": project.webhooks.all(),
        "secret": secret_of(project),
        "deliveries": deliveries,
        "is_sending": any(one.is_about_to_be_sent for one in deliveries),
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
