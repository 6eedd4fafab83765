from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from models_app import views
from models_app.health import health

urlpatterns: list[URLPattern | URLResolver] = [
    path("health", health, name="health"),
    path("api/", include("models_app.api.urls")),
    path("", include("models_app.npu.urls")),
    path("models/", views.model_list, name="model_list"),
    path("models/<str:ref>", views.model_detail, name="model_detail"),
]
