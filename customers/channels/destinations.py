"""Where we connect to: only addresses of the public internet, checked at the moment of connecting.

An address inside one's own network is allowed by naming its network in ``CHANNEL_NETWORKS``.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
CONNECT_SECONDS = 5.0
_WRAPPED = [ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")]


class NotReached(Exception):
    """Nothing was handed over: no such name, refused, or an address that we do not connect to."""


def is_allowed(address: Address) -> bool:
    """Say whether we connect to ``address``: public, or of a network that the operator named."""
    plain = getattr(address, "ipv4_mapped", None) or address
    if is_own(plain):
        return True
    if any(plain in network for network in _WRAPPED if network.version == plain.version):
        return False  # IPv4 in disguise
    return plain.is_global and not plain.is_multicast and not getattr(plain, "is_site_local", False)


def is_own(address: Address) -> bool:
    """Say whether ``address`` lies in a network that the operator named."""
    networks = [ipaddress.ip_network(text, strict=False) for text in settings.CHANNEL_NETWORKS]
    return any(address in network for network in networks if network.version == address.version)


def connect(host: str, port: int, *, seconds: float, in_the_clear: bool = False) -> socket.socket:
    """Connect to ``host``; every address of its name must be allowed, and the one checked is the one used.

    Args:
        seconds: the longest wait of each later step on the socket.
        in_the_clear: what follows is not encrypted, so only networks of the operator's own will do.

    Raises :class:`NotReached`.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotReached("name") from error
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not addresses or not all(map(is_allowed, addresses)):
        raise NotReached("forbidden")
    if in_the_clear and not all(map(is_own, addresses)):
        raise NotReached("unencrypted")
    for family, kind, protocol, _name, where in found:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(CONNECT_SECONDS)
        try:
            sock.connect(where)
        except OSError:
            sock.close()
            continue
        sock.settimeout(seconds)
        return sock
    raise NotReached("connect")


@contextmanager
def at_most(seconds: float, sock: Callable[[], socket.socket | None]) -> Iterator[threading.Event]:
    """Cut a connection after ``seconds``, however slowly the other side talks; the event says that it was.

    Args:
        sock: returns the socket of the moment, which encryption may have replaced.
    """
    was_cut = threading.Event()

    def cut() -> None:
        was_cut.set()
        with suppress(OSError):
            if (now := sock()) is not None:
                now.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield was_cut
    finally:
        timer.cancel()
