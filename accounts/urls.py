from __future__ import annotations

from django.urls import path

from accounts import tier_views, views

urlpatterns = [
    path("", views.home, name="home"),
    path("accounts/waiting/", views.waiting, name="account_waiting"),
    path("dashboard/", views.dashboard, name="dashboard"),
    path("dashboard/api-tokens/", views.api_token_create, name="api_token_create"),
    path(
        "dashboard/api-tokens/<str:public_id>/revoke/",
        views.api_token_revoke,
        name="api_token_revoke",
    ),
    path("tiers/", tier_views.tiers, name="tiers"),
    path("tiers/change/", tier_views.change_tier, name="change_tier"),
    path("tiers/withdraw/", tier_views.withdraw, name="withdraw_tier_request"),
    path("tiers/<str:tier>/", tier_views.downgrade, name="downgrade"),
]
