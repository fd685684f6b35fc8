"""
Whom to trust over TLS, as the command line says it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from zope.interface import implementer

__all__ = ["AnybodyPolicy", "AuthorityPolicy"]


class AuthorityPolicy:
    """
    Trusts the authorities in a file.
    """

    def __init__(self, path: str) -> None:
        """
        @param path: a file of certificates, PEM.
        @raise OSError: if it cannot be read.
        @raise ValueError: if there are none in it.
        """
        from twisted.internet.ssl import Certificate, trustRootFromCertificates

        end = "-----END CERTIFICATE-----"
        pieces = Path(path).read_text("utf-8").split(end)[:-1]
        if not pieces:
            raise ValueError("there is no certificate in it")
        try:
            certificates = [
                Certificate.loadPEM((piece + end).encode()) for piece in pieces
            ]
        except Exception:
            # Whatever cryptography, or pyOpenSSL, raises.
            raise ValueError("a certificate in it is malformed") from None
        self._trustRoot = trustRootFromCertificates(certificates)

    def creatorForNetloc(
        self, hostname: bytes, port: int
    ) -> IOpenSSLClientConnectionCreator:
        """
        See L{TLSPolicy<txws.carriers.TLSPolicy>}.
        """
        from twisted.internet.ssl import optionsForClientTLS

        return optionsForClientTLS(hostname.decode("ascii"), self._trustRoot)


class AnybodyPolicy:
    """
    Trusts anybody.
    """

    def creatorForNetloc(
        self, hostname: bytes, port: int
    ) -> IOpenSSLClientConnectionCreator:
        """
        See L{TLSPolicy<txws.carriers.TLSPolicy>}.
        """
        return _AnybodyCreator(hostname)


@implementer(IOpenSSLClientConnectionCreator)
class _AnybodyCreator:
    """
    Begins TLS with anybody.
    """

    def __init__(self, hostname: bytes) -> None:
        from twisted.internet.ssl import CertificateOptions

        self._hostname = hostname
        self._context = CertificateOptions().getContext()

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Any:
        """
        See L{IOpenSSLClientConnectionCreator}.
        """
        from OpenSSL.SSL import Connection

        connection = Connection(self._context, None)
        name = self._hostname.decode("ascii")
        if not (isIPAddress(name) or isIPv6Address(name)):
            # RFC 6066 section 3: "Literal IPv4 and IPv6 addresses are not
            # permitted in "HostName"."
            connection.set_tlsext_host_name(self._hostname)
        return connection
