"""The native API's webhooks, for API tokens that manage those of their project."""

from __future__ import annotations

import datetime
from typing import cast

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import rate_limits
from accounts.models import ApiToken, Scope
from models_app.api.project_view import ProjectView
from models_app.api.serializers import ErrorOutput
from models_app.api.webhook_rendering import (
    delivery_json,
    secret_json,
    summary_json,
    webhook_json,
)
from models_app.api.webhook_serializers import (
    ChangeWebhookInput,
    CreateWebhookInput,
    DeliveriesQuery,
    DeliveryListOutput,
    DeliveryOutput,
    NewSecretOutput,
    NewWebhookOutput,
    RenewSecretInput,
    SecretOutput,
    WebhookListOutput,
    WebhookOutput,
)
from models_app.idempotency.once import (
    SecretResponse,
    answered_once,
    remember_created,
)
from models_app.idempotency.schema import IDEMPOTENCY_KEY
from models_app.webhooks import managing
from models_app.webhooks.announcing import announce_test
from models_app.webhooks.models import WebhookDelivery
from models_app.webhooks.secrets_of_projects import renew_secret, secret_of

_ERRORS: dict[int, type[ErrorOutput]] = dict.fromkeys((401, 403), ErrorOutput)
_ONE_ERRORS = _ERRORS | {404: ErrorOutput}
_SENT = _ONE_ERRORS | {202: DeliveryOutput, 409: ErrorOutput, 429: ErrorOutput}
_BODY_ERRORS = _ERRORS | dict.fromkeys((400, 413, 415), ErrorOutput)


class WebhookView(ProjectView):
    required_scope = Scope.MANAGE_WEBHOOKS


class WebhooksView(WebhookView):
    @extend_schema(
        summary="List the webhooks",
        operation_id="list_webhooks",
        responses={200: WebhookListOutput, **_ERRORS},
    )
    def get(self, request: Request) -> Response:
        """Every webhook of the project, those that are switched off too."""
        found = self.project.webhooks.all()
        return Response({"webhooks": [webhook_json(one) for one in found]})

    @extend_schema(
        summary="Add a webhook",
        operation_id="create_webhook",
        request=CreateWebhookInput,
        parameters=[IDEMPOTENCY_KEY],
        responses={201: NewWebhookOutput, 409: ErrorOutput, **_BODY_ERRORS},
    )
    @answered_once
    def post(self, request: Request) -> Response:
        """An address that is told every event of the project from now on."""
        body = CreateWebhookInput(data=request.data)
        body.is_valid(raise_exception=True)
        with remember_created(request) as created:
            webhook, secret = managing.add_webhook(
                project=self.project, **body.validated_data
            )
            answer = SecretResponse(
                {**webhook_json(webhook), "secret": secret},
                status=status.HTTP_201_CREATED,
            )
            created(lambda: answer)
        return answer


class OneWebhookView(WebhookView):
    @extend_schema(
        summary="Read a webhook",
        operation_id="get_webhook",
        responses={200: WebhookOutput, **_ONE_ERRORS},
    )
    def get(self, request: Request, webhook_id: str) -> Response:
        """Where it goes, and whether it does."""
        return Response(webhook_json(managing.find_webhook(self.project, webhook_id)))

    @extend_schema(
        summary="Change a webhook",
        operation_id="update_webhook",
        request=ChangeWebhookInput,
        responses={200: WebhookOutput, 404: ErrorOutput, **_BODY_ERRORS},
    )
    def patch(self, request: Request, webhook_id: str) -> Response:
        """What is left out stays. What waits goes where it then points."""
        webhook = managing.find_webhook(self.project, webhook_id)
        body = ChangeWebhookInput(data=request.data)
        body.is_valid(raise_exception=True)
        managing.change_webhook(webhook, **body.validated_data)
        return Response(webhook_json(webhook))

    @extend_schema(
        summary="Delete a webhook",
        operation_id="delete_webhook",
        responses={204: None, **_ONE_ERRORS},
    )
    def delete(self, request: Request, webhook_id: str) -> Response:
        """It is told nothing more, and the log of its deliveries is deleted."""
        managing.delete_webhook(managing.find_webhook(self.project, webhook_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class WebhookTestView(WebhookView):
    @extend_schema(
        summary="Test a webhook",
        operation_id="test_webhook",
        request=None,
        responses=_SENT,
    )
    def post(self, request: Request, webhook_id: str) -> Response:
        """Send it an event of the type `webhook.test`."""
        webhook = managing.find_webhook(self.project, webhook_id)
        _count_request(request)
        return _sent(announce_test(webhook))


class WebhookSecretView(WebhookView):
    @extend_schema(
        summary="Read about the secret",
        operation_id="get_webhook_secret",
        responses={200: SecretOutput, **_ERRORS},
    )
    def get(self, request: Request) -> Response:
        """Since when there is one; its value is never shown again."""
        return Response(secret_json(secret_of(self.project)))

    @extend_schema(
        summary="Make a new secret",
        operation_id="renew_webhook_secret",
        request=RenewSecretInput,
        parameters=[IDEMPOTENCY_KEY],
        responses={200: NewSecretOutput, 409: ErrorOutput, **_BODY_ERRORS},
    )
    @answered_once
    def post(self, request: Request) -> Response:
        """What signs the project's webhooks from now on; the one of before does, too,
        for `grace_seconds`."""
        body = RenewSecretInput(data=request.data)
        body.is_valid(raise_exception=True)
        grace = datetime.timedelta(seconds=body.validated_data["grace_seconds"])
        with remember_created(request) as created:
            plaintext = renew_secret(self.project, grace=grace)
            told = secret_json(secret_of(self.project))
            answer = SecretResponse({"secret": plaintext, **told})
            created(lambda: answer)
        return answer


class DeliveriesView(WebhookView):
    @extend_schema(
        summary="List what webhooks were sent",
        operation_id="list_webhook_deliveries",
        parameters=[DeliveriesQuery],
        responses={200: DeliveryListOutput, 400: ErrorOutput, **_ERRORS},
    )
    def get(self, request: Request) -> Response:
        """Also what waits to be sent, and what was given up."""
        rows = WebhookDelivery.objects.filter(project=self.project)
        light = rows.select_related("webhook").defer("payload")
        page, next_cursor = DeliveriesQuery.page_of(light, request)
        deliveries = [summary_json(one) for one in page]
        return Response({"deliveries": deliveries, "next_cursor": next_cursor})


class DeliveryView(WebhookView):
    @extend_schema(
        summary="Read what a webhook was sent",
        operation_id="get_webhook_delivery",
        responses={200: DeliveryOutput, **_ONE_ERRORS},
    )
    def get(self, request: Request, delivery_id: str) -> Response:
        """With its body, and every attempt to send it."""
        found = managing.find_delivery(self.project, delivery_id)
        return Response(delivery_json(found))


class ResendView(WebhookView):
    @extend_schema(
        summary="Send a delivery once more",
        operation_id="resend_webhook_delivery",
        request=None,
        responses=_SENT,
    )
    def post(self, request: Request, delivery_id: str) -> Response:
        """The same message with the same id, now, and again if it is not taken."""
        delivery = managing.find_delivery(self.project, delivery_id)
        _count_request(request)
        managing.resend(delivery)
        return _sent(delivery)


def _count_request(request: Request) -> None:
    """Else there would be no end to what this server sends to whomever it is told."""
    api_token = cast("ApiToken", request.auth)
    rate_limits.check_request(api_token.user, api_token)


def _sent(delivery: WebhookDelivery) -> Response:
    return Response(delivery_json(delivery), status=status.HTTP_202_ACCEPTED)
