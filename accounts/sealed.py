"""Secrets that must be read again, sealed so that the database alone does not tell them.

The key comes from the pepper, which lies beside the database and never in it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

_PURPOSE = b"accounts.sealed"


def seal(text: str) -> str:
    return _fernet().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """The text; under another pepper something random, which matches nothing."""
    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken:
        return base64.b32encode(secrets.token_bytes(20)).decode()


def _fernet() -> Fernet:
    pepper = settings.API_TOKEN_PEPPER.encode()
    key = hmac.new(pepper, _PURPOSE, hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(key))
