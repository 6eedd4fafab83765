from __future__ import annotations

from django.urls import URLPattern, path

from models_app.openai import views

urlpatterns: list[URLPattern] = [
    path("models", views.ModelListView.as_view(), name="openai_models"),
    # A name on the hub has a slash in it.
    path("models/<path:ref>", views.ModelView.as_view(), name="openai_model"),
    path("completions", views.CompletionView.as_view(), name="openai_completions"),
    path("chat/completions", views.ChatCompletionView.as_view(), name="openai_chat"),
]
