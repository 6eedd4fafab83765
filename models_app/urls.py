from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from models_app import batch_views, request_log, text_views, usage_views, views
from models_app.health import health
from models_app.huggingface.views import CallView
from models_app.page_and_call import page_and_call

urlpatterns: list[URLPattern | URLResolver] = [
    path("health", health, name="health"),
    path("api/", include("models_app.api.urls")),
    path("v1/", include("models_app.openai.urls")),
    path("", include("models_app.npu.urls")),
    path("usage/", usage_views.usage, name="usage"),
    path("usage/batches/", batch_views.batches, name="batches"),
    path("usage/batches/<str:public_id>/", batch_views.batch, name="batch"),
    path(
        "usage/batches/<str:public_id>/results/",
        batch_views.batch_results,
        name="batch_results",
    ),
    path(
        "usage/batches/<str:public_id>/cancel/",
        batch_views.batch_cancel,
        name="batch_cancel",
    ),
    path("usage/csv/", usage_views.usage_csv, name="usage_csv"),
    path("usage/requests/", request_log.request_log, name="request_log"),
    path("usage/requests/csv/", request_log.request_log_csv, name="request_log_csv"),
    path(
        "usage/requests/<str:public_id>/",
        request_log.request_detail,
        name="request_detail",
    ),
    path(
        "projects/<str:public_id>/texts/",
        text_views.project_texts,
        name="project_texts",
    ),
    path(
        "projects/<str:public_id>/texts/drop/",
        text_views.drop,
        name="project_texts_drop",
    ),
    path("projects/<str:public_id>/webhooks/", include("models_app.webhook_urls")),
    path("models/", views.model_list, name="model_list"),
    path(
        "models/<str:ref>",
        page_and_call(views.model_detail, CallView.as_view()),
        name="model_detail",
    ),
    path("", include("models_app.huggingface.urls")),
]
