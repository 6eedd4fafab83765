from __future__ import annotations

from django.urls import URLPattern, path

from accounts.api import views

urlpatterns: list[URLPattern] = [
    path("v1/me", views.MeView.as_view(), name="api_me"),
    path("v1/tokens", views.TokenListView.as_view(), name="api_token_list"),
    path("v1/tokens/<str:public_id>", views.TokenView.as_view(), name="api_token"),
    path(
        "v1/tokens/<str:public_id>/rotate",
        views.RotateTokenView.as_view(),
        name="api_token_rotate",
    ),
]
