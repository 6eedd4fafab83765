"""What a first attempt looks like: a Django view that calls a transformers pipeline.

Run by uvicorn; Django runs such a view for one request at a time. The environment
names the checkpoint folder and the precision.
"""

from __future__ import annotations

import json
import os

import torch
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from transformers import pipeline

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__)
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
generate = pipeline(
    "text-generation",
    os.environ["BENCH_FOLDER"],
    dtype=DTYPES[os.environ["BENCH_PRECISION"]],
)


def predict(request: HttpRequest) -> JsonResponse:
    body = json.loads(request.body)
    parameters = body["parameters"]
    (completion,) = generate(
        body["inputs"],
        min_new_tokens=parameters["max_new_tokens"],
        return_full_text=False,
        **parameters,
    )
    return JsonResponse(
        {"completion_tokens": parameters["max_new_tokens"]} | completion
    )


urlpatterns = [path("predict", predict)]
application = get_asgi_application()
