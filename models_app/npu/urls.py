from __future__ import annotations

from django.urls import URLPattern, path

from models_app.npu import views

_unsupported = views.UnsupportedView.as_view()
_undeployed = views.UndeployedView.as_view()

urlpatterns: list[URLPattern] = [
    path("Token", views.TokenView.as_view(), name="npu_token"),
    path("SyncPredict", views.SyncPredictView.as_view(), name="npu_sync_predict"),
    *(
        path(route, _unsupported, name=f"npu_{route.lower()}")
        for route in ("Export", "ModelType", "UploadModel", "RetrieveModel", "Train")
    ),
    *(
        path(route, _undeployed, name=f"npu_{route.lower()}")
        for route in ("Hash", "UploadData", "Predict")
    ),
    path("status/<str:task_id>", _undeployed, name="npu_status"),
]
