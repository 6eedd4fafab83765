"""What can go wrong between a prompt and its completion."""

from __future__ import annotations

from rest_framework import status

from accounts.errors import ApplicationError


class ModelNotFound(ApplicationError):
    status_code = status.HTTP_404_NOT_FOUND
    default_code = "model_not_found"
    default_detail = "There is no such model here."
    default_hint = "The catalogue lists every model with its id."
