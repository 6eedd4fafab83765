from __future__ import annotations

from django.urls import path

from playground import views

urlpatterns = [
    path("playground/", views.playground, name="playground"),
    path("playground/stream", views.stream, name="playground_stream"),
    path("playground/tokens", views.tokens, name="playground_tokens"),
    path("playground/code", views.code, name="playground_code"),
]
