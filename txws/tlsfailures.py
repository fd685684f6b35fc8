"""
Why a connection could not be encrypted, for
L{TLSFailed<txws.errors.TLSFailed>}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

__all__ = ["explainTLS"]


def explainTLS(reason: Failure, transport: Any) -> str:
    """
    Say what OpenSSL says, without the names of its functions.

    @param reason: what the transport was lost with.
    @param transport: the transport that was to be encrypted.
    """
    error: Any = reason.value
    if isinstance(error, (ConnectionDone, ConnectionLost)):
        return "the server closed the connection before it was encrypted"
    told = error.args[0] if error.args else None
    if not isinstance(told, list):
        return str(error) or type(error).__name__
    # pyOpenSSL raises a list of (library, function, reason), and
    # service_identity one of mismatches.
    reasons = [str(entry[-1]) for entry in told if isinstance(entry, tuple)]
    if not reasons:
        return "the certificate is for another host"
    explanation = "; ".join(reasons)
    doubt = _doubt(transport)
    return f"{explanation}: {doubt}" if doubt else explanation


def _doubt(transport: Any) -> str | None:
    """
    Find out what OpenSSL has against the certificate of the other side.

    @return: such as C{"certificate has expired"}, or L{None} if there is
        nothing, or it cannot be told.
    """
    try:
        # pyOpenSSL raises "certificate verify failed" for each reason, and has
        # no public name for the result of the verification.
        from OpenSSL._util import ffi, lib

        result = lib.SSL_get_verify_result(transport.getHandle()._ssl)
        said: bytes = ffi.string(lib.X509_verify_cert_error_string(result))
    except (ImportError, AttributeError):
        return None
    return said.decode("ascii", "replace") if result else None
