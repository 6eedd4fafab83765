from __future__ import annotations

from django.urls import path

from accounts import project_views, tier_views, token_views, views

urlpatterns = [
    path("", views.home, name="home"),
    path("accounts/waiting/", views.waiting, name="account_waiting"),
    path("dashboard/", views.dashboard, name="dashboard"),
    path(
        "dashboard/api-tokens/", token_views.api_token_create, name="api_token_create"
    ),
    path(
        "dashboard/api-tokens/<str:public_id>/",
        token_views.api_token_edit,
        name="api_token_edit",
    ),
    path(
        "dashboard/api-tokens/<str:public_id>/revoke/",
        token_views.api_token_revoke,
        name="api_token_revoke",
    ),
    path(
        "dashboard/api-tokens/<str:public_id>/rotate/",
        token_views.api_token_rotate,
        name="api_token_rotation",
    ),
    path("projects/", project_views.projects, name="projects"),
    path(
        "projects/<str:public_id>/rename/", project_views.rename, name="project_rename"
    ),
    path(
        "projects/<str:public_id>/archive/",
        project_views.archive,
        name="project_archive",
    ),
    path(
        "projects/<str:public_id>/restore/",
        project_views.restore,
        name="project_restore",
    ),
    path("tiers/", tier_views.tiers, name="tiers"),
    path("tiers/change/", tier_views.change_tier, name="change_tier"),
    path("tiers/withdraw/", tier_views.withdraw, name="withdraw_tier_request"),
    path("tiers/<str:tier>/", tier_views.downgrade, name="downgrade"),
]
