"""`models/<ref>` itself is in `models_app.urls`: reading it gives the model's page."""

from __future__ import annotations

from django.urls import URLPattern, path

from models_app.huggingface import views
from models_app.huggingface.chat import ChatView

_VIEWS = {
    "generate": views.GenerateView,
    "generate_stream": views.GenerateStreamView,
    "tokenize": views.TokenizeView,
    "info": views.InfoView,
    "health": views.HealthView,
}
urlpatterns: list[URLPattern] = [
    *(
        path(f"models/<str:ref>/{name}", view.as_view(), name=f"hugging_face_{name}")
        for name, view in _VIEWS.items()
    ),
    path(
        "models/<str:ref>/v1/chat/completions",
        ChatView.as_view(),
        name="hugging_face_chat",
    ),
]
