from __future__ import annotations

from django.urls import URLPattern, path

from models_app import webhook_views

urlpatterns: list[URLPattern] = [
    path("", webhook_views.project_webhooks, name="project_webhooks"),
    path("add/", webhook_views.add, name="project_webhook_add"),
    path("secret/", webhook_views.renew, name="project_webhook_secret"),
    path("<str:row_id>/", webhook_views.edit, name="project_webhook"),
    path(
        "<str:row_id>/switch/",
        webhook_views.switch,
        name="project_webhook_switch",
    ),
    path(
        "<str:row_id>/delete/",
        webhook_views.delete,
        name="project_webhook_delete",
    ),
    path("<str:row_id>/test/", webhook_views.test, name="project_webhook_test"),
    path(
        "deliveries/<str:row_id>/resend/",
        webhook_views.resend,
        name="project_webhook_resend",
    ),
]
