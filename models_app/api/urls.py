from __future__ import annotations

from django.urls import URLPattern, path

from models_app.api import (
    asynchronous,
    batches,
    page_token,
    schema,
    tokenization,
    usage,
    views,
    webhooks,
)

urlpatterns: list[URLPattern] = [
    path("v1/models", views.ModelListView.as_view(), name="api_model_list"),
    path("v1/models/<str:ref>", views.ModelDetailView.as_view(), name="api_model"),
    path(
        "v1/models/<str:ref>/predict", views.PredictView.as_view(), name="api_predict"
    ),
    path(
        "v1/models/<str:ref>/tokenize",
        tokenization.TokenizeView.as_view(),
        name="api_tokenize",
    ),
    path(
        "v1/models/<str:ref>/detokenize",
        tokenization.DetokenizeView.as_view(),
        name="api_detokenize",
    ),
    path(
        "v1/predictions",
        asynchronous.PredictionsView.as_view(),
        name="api_predictions",
    ),
    path(
        "v1/predictions/<str:prediction_id>",
        asynchronous.PredictionView.as_view(),
        name="api_prediction",
    ),
    path(
        "v1/predictions/<str:prediction_id>/cancel",
        asynchronous.PredictionCancelView.as_view(),
        name="api_prediction_cancel",
    ),
    path(
        "v1/predictions/<str:prediction_id>/stream",
        asynchronous.PredictionStreamView.as_view(),
        name="api_prediction_stream",
    ),
    path("v1/webhooks", webhooks.WebhooksView.as_view(), name="api_webhooks"),
    path(
        "v1/webhooks/secret",
        webhooks.WebhookSecretView.as_view(),
        name="api_webhook_secret",
    ),
    path(
        "v1/webhooks/deliveries",
        webhooks.DeliveriesView.as_view(),
        name="api_webhook_deliveries",
    ),
    path(
        "v1/webhooks/deliveries/<str:delivery_id>",
        webhooks.DeliveryView.as_view(),
        name="api_webhook_delivery",
    ),
    path(
        "v1/webhooks/deliveries/<str:delivery_id>/resend",
        webhooks.ResendView.as_view(),
        name="api_webhook_resend",
    ),
    path(
        "v1/webhooks/<str:webhook_id>",
        webhooks.OneWebhookView.as_view(),
        name="api_webhook",
    ),
    path(
        "v1/webhooks/<str:webhook_id>/test",
        webhooks.WebhookTestView.as_view(),
        name="api_webhook_test",
    ),
    path("v1/batches", batches.BatchesView.as_view(), name="api_batches"),
    path("v1/batches/<str:batch_id>", batches.BatchView.as_view(), name="api_batch"),
    path(
        "v1/batches/<str:batch_id>/cancel",
        batches.BatchCancelView.as_view(),
        name="api_batch_cancel",
    ),
    path(
        "v1/batches/<str:batch_id>/results",
        batches.BatchResultsView.as_view(),
        name="api_batch_results",
    ),
    path("v1/usage", usage.UsageView.as_view(), name="api_usage"),
    path("schema/", schema.SchemaView.as_view(), name="api_schema"),
    path("docs/", schema.api_docs, name="api_docs"),
    path("docs/token/", page_token.page_token, name="api_docs_token"),
]
