"""Any exception of an API route becomes the one error shape, with its request id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.urls import Resolver404, is_valid_path, resolve
from django.views import defaults
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from accounts.error_shape import error_headers, error_object
from accounts.errors import ApplicationError, InvalidApiToken
from models_app.errors import InvalidInput

# Below these, addresses that do not exist are answered in JSON, too.
API_PREFIXES = ("/api/", "/v1/")
RenderError = Callable[[ApplicationError, str], dict[str, Any]]


class NotFound(ApplicationError):
    status_code = status.HTTP_404_NOT_FOUND
    default_code = "not_found"
    default_detail = "There is nothing at this address."


class Forbidden(ApplicationError):
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "forbidden"
    default_detail = "This is not open to you."


class MissingApiToken(ApplicationError):
    status_code = status.HTTP_401_UNAUTHORIZED
    default_code = "missing_api_token"
    default_detail = "This call carries no API token."
    default_hint = "Send the header: Authorization: Bearer <your API token>."


class MethodNotAllowed(ApplicationError):
    status_code = status.HTTP_405_METHOD_NOT_ALLOWED
    default_code = "method_not_allowed"
    default_detail = "This address does not take that method."


class UnsupportedMediaType(ApplicationError):
    status_code = status.HTTP_415_UNSUPPORTED_MEDIA_TYPE
    default_code = "unsupported_media_type"
    default_detail = "This address reads no body of that type."
    default_hint = "Send JSON, with the header: Content-Type: application/json."


class InvalidJson(ApplicationError):
    default_code = "invalid_json"
    default_detail = "The body is not JSON."


class RequestTimeout(ApplicationError):
    status_code = status.HTTP_408_REQUEST_TIMEOUT
    default_code = "request_timeout"
    default_detail = "The request took too long to arrive."


class RequestTooLarge(ApplicationError):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "request_too_large"
    default_detail = "The body is larger than this server takes."


class TooManyParts(RequestTooLarge):
    default_detail = "The form has more fields or files than this server takes."


class InternalError(ApplicationError):
    status_code = status.HTTP_500_INTERNAL_SERVER_ERROR
    default_code = "internal_error"
    default_detail = "Something went wrong on this server; nothing was charged."
    default_hint = "Quote the request id to whoever runs this server."


def handle_exception(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook. None lets Django log the exception and answer with `server_error`."""
    error = to_application_error(exception)
    if error is None:
        return None
    set_rollback()
    request = context["request"]
    headers = error_headers(error)
    if isinstance(error, MissingApiToken | InvalidApiToken):
        headers["WWW-Authenticate"] = "Bearer"
    body = _renderer_of(context["view"])(error, _request_id(request))
    return Response(body, status=error.status_code, headers=headers)


def to_application_error(exception: Exception) -> ApplicationError | None:
    """The exception in our own words; None for one that nobody foresaw."""
    if isinstance(exception, ApplicationError):
        return exception
    if isinstance(exception, exceptions.ValidationError):
        return _first_field_error(exception)
    if isinstance(exception, exceptions.ParseError):
        return _unreadable(exception)
    for kind, error in _TRANSLATIONS.items():
        if isinstance(exception, kind):
            return error()
    if isinstance(exception, exceptions.APIException):
        return ApplicationError(str(exception.detail))
    return None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not _is_api(request):
        return defaults.bad_request(request, exception)
    error = to_application_error(exception) or ApplicationError()
    return _json_response(request, error)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not _is_api(request):
        return defaults.permission_denied(request, exception)
    return _json_response(request, Forbidden())


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not _is_api(request):
        return defaults.page_not_found(request, exception)
    return _json_response(request, NotFound(hint=_without_slash(request.path_info)))


def server_error(request: HttpRequest) -> HttpResponseBase:
    if not _is_api(request):
        return defaults.server_error(request)
    return _json_response(request, InternalError())


def render_error(error: ApplicationError, request_id: str) -> dict[str, Any]:
    """How every door says it, unless its views have a `render_error` of their own."""
    return {"error": error_object(error, request_id=request_id)}


def render_at(path: str, error: ApplicationError, request_id: str) -> dict[str, Any]:
    """The body of an error that comes before any view, as the address's door says it."""
    try:
        view_class = getattr(resolve(path).func, "cls", None)
    except Resolver404:
        view_class = None
    return _renderer_of(view_class)(error, request_id)


_TRANSLATIONS: dict[type[Exception], type[ApplicationError]] = {
    exceptions.NotAuthenticated: MissingApiToken,
    exceptions.AuthenticationFailed: MissingApiToken,
    exceptions.MethodNotAllowed: MethodNotAllowed,
    exceptions.UnsupportedMediaType: UnsupportedMediaType,
    exceptions.NotFound: NotFound,
    exceptions.PermissionDenied: Forbidden,
    Http404: NotFound,
    PermissionDenied: Forbidden,
    RequestDataTooBig: RequestTooLarge,
    TooManyFieldsSent: TooManyParts,
    TooManyFilesSent: TooManyParts,
}


def _first_field_error(exception: exceptions.ValidationError) -> ApplicationError:
    """DRF collects them all; one clear sentence about the first is enough."""
    detail: Any = exception.detail
    path: list[str] = []
    while isinstance(detail, dict | list) and detail:
        if isinstance(detail, dict):
            key, detail = next(iter(detail.items()))
            path += [] if key == "non_field_errors" else [str(key)]
        else:
            detail = detail[0]
    field = ".".join(path)
    message = f"{field}: {detail}" if field else str(detail)
    return InvalidInput(message, param=field or None)


def _unreadable(exception: exceptions.ParseError) -> ApplicationError:
    # DRF has one kind for both; every other body that is parsed here is JSON.
    if str(exception.detail).startswith("Multipart"):
        return InvalidInput("The body is not the form that its Content-Type announces.")
    return InvalidJson()


def _renderer_of(view: object) -> RenderError:
    return getattr(view, "render_error", render_error)


def _is_api(request: HttpRequest) -> bool:
    # A page's address may be an API's too, which has no method for reading then.
    is_call = hasattr(_view_class(request), (request.method or "").lower())
    # No browser sends one by itself: it is a program that went astray.
    is_program = request.headers.get("Authorization", "").startswith("Bearer ")
    return is_call or is_program or request.path.startswith(API_PREFIXES)


def _without_slash(path: str) -> str:
    """What to do about an address that would be one without the slash at its end."""
    shorter = path.rstrip("/")
    if shorter == path or not is_valid_path(shorter):
        return ""
    return f"Leave out the slash at the end: {shorter}."


def _view_class(request: HttpRequest) -> type[APIView] | None:
    match = request.resolver_match
    view_class = getattr(match.func, "cls", None) if match else None
    is_ours = isinstance(view_class, type) and issubclass(view_class, APIView)
    return view_class if is_ours else None


def _json_response(request: HttpRequest, error: ApplicationError) -> JsonResponse:
    body = _renderer_of(_view_class(request))(error, _request_id(request))
    return JsonResponse(body, status=error.status_code, headers=error_headers(error))


def _request_id(request: HttpRequest | Request) -> str:
    return request.headers.get("X-Request-Id", "")
