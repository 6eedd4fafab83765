from __future__ import annotations

from django.urls import URLPattern, path

from models_app.npu import queue_views, views

_unsupported = views.UnsupportedView.as_view()

urlpatterns: list[URLPattern] = [
    path("Token", views.TokenView.as_view(), name="npu_token"),
    path("SyncPredict", views.SyncPredictView.as_view(), name="npu_sync_predict"),
    path("Hash", queue_views.HashView.as_view(), name="npu_hash"),
    path("UploadData", queue_views.UploadDataView.as_view(), name="npu_upload_data"),
    path("Predict", queue_views.PredictView.as_view(), name="npu_predict"),
    path("status/<str:task_id>", queue_views.StatusView.as_view(), name="npu_status"),
    *(
        path(route, _unsupported, name=f"npu_{route.lower()}")
        for route in ("Export", "ModelType", "UploadModel", "RetrieveModel", "Train")
    ),
]
