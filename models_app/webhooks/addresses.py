"""Where webhooks may go: to web servers of the internet, not to this one's neighbours.

A name is resolved once, all that it stands for is checked, and the connection goes to
what was checked: an answer that changes in between changes nothing.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

LONGEST_URL = 2000
_PORTS = {"http": 80, "https": 443}
# Underscores are in no name of a host, and yet in use.
_NAME = re.compile(r"[a-z0-9._-]+")
# How networks without IPv4 reach it: its address follows in the last 32 bits.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# What `ipaddress` takes for public and no receiver has: protocols' own addresses, among
# them clouds' for the metadata of their machines, and networks for documentation.
_NEVER = [
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "64:ff9b:1::/48",
        "3fff::/20",
        "5f00::/16",
    )
]


class AddressRefused(Exception):
    """The text says why, for whoever named the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`host` as it is spelled in names of servers and certificates, without a port."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def read_target(url: str) -> Target:
    """Take an address apart. What it names by number is checked already."""
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable():
        raise AddressRefused(
            f"An address has up to {LONGEST_URL:,} ASCII characters; write others in "
            "percent-encoding, and names of hosts in Punycode."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressRefused("This is no address of the web.") from error
    _require_web(url, parts)
    host = (parts.hostname or "").rstrip(".")
    _require_literal_allowed(host)
    return Target(
        scheme=parts.scheme,
        host=host,
        port=port if port is not None else _PORTS[parts.scheme],
        path=f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}",
    )


def resolve(target: Target) -> list[str]:
    """The IP addresses to connect to, in the order of the resolver. Raises `OSError`."""
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        # One of them is enough: a name of both worlds is there to deceive.
        require_allowed(address)
    return addresses


def require_allowed(address: str) -> None:
    if settings.WEBHOOK_PRIVATE_ADDRESSES:
        return
    if not _is_public(ipaddress.ip_address(address.partition("%")[0])):
        raise AddressRefused(
            "The address belongs to a private, local or reserved network."
        )


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return _is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        if _leads_elsewhere(address):
            return False
    if any(address in network for network in _NEVER):
        return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
    )


def _leads_elsewhere(address: IPv6Address) -> bool:
    """Whether it wraps another address or is one of a site: no server needs those."""
    wrapped = address.ipv4_mapped or address.sixtofour or address.teredo
    return bool(wrapped) or address.is_site_local


def _require_web(url: str, parts: SplitResult) -> None:
    if parts.scheme not in _PORTS or not parts.hostname:
        raise AddressRefused("An address begins with https:// or http:// and a host.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused(
            "An address has no user name and no password; the signature proves who calls."
        )
    if " " in url or "#" in url or "\\" in url or parts.port == 0:
        raise AddressRefused(
            "An address has no spaces, backslashes, fragment or port 0."
        )


def _require_literal_allowed(host: str) -> None:
    """Also where it is spelled as resolvers still read it: 127.1, 2130706433, 0x7f.1."""
    if ":" in host:
        require_allowed(host)
    elif not _NAME.fullmatch(host):
        raise AddressRefused("A host has letters, digits, dots and hyphens alone.")
    elif host == "localhost" or host.endswith(".localhost"):
        require_allowed("127.0.0.1")
    else:
        with suppress(OSError):
            require_allowed(socket.inet_ntoa(socket.inet_aton(host)))
