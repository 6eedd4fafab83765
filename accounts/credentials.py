"""The written form of API tokens: `nro_`, 30 random base62 digits, a CRC32 in six.

The checksum tells a typo from a token without asking the database. It is no secret
and proves nothing: the digest, keyed with `API_TOKEN_PEPPER`, does that.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib

from django.conf import settings

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
MARK = "nro_"
RANDOM_LENGTH = 30
CHECKSUM_LENGTH = 6
PREFIX_LENGTH = len(MARK) + 8

_SHAPE = re.compile(rf"{MARK}[0-9A-Za-z]{{{RANDOM_LENGTH + CHECKSUM_LENGTH}}}")


def generate() -> str:
    body = MARK + "".join(secrets.choice(BASE62) for _ in range(RANDOM_LENGTH))
    return body + checksum(body)


def checksum(body: str) -> str:
    number = zlib.crc32(body.encode("ascii"))
    digits = []
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(BASE62))
        digits.append(BASE62[digit])
    return "".join(reversed(digits))


def is_well_formed(plaintext: str) -> bool:
    if not _SHAPE.fullmatch(plaintext):
        return False
    body = plaintext[:-CHECKSUM_LENGTH]
    return hmac.compare_digest(plaintext[-CHECKSUM_LENGTH:], checksum(body))


def prefix_of(plaintext: str) -> str:
    """The public part, by which a token is looked up and recognised."""
    return plaintext[:PREFIX_LENGTH]


def digest_of(plaintext: str) -> str:
    pepper = settings.API_TOKEN_PEPPER.encode()
    return hmac.new(pepper, plaintext.encode(), hashlib.sha256).hexdigest()
