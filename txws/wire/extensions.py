"""
Extensions, RFC 6455 section 9: what changes frames on their way.

An extension has two halves.  L{IExtensionFactory} negotiates; the
L{IExtension} that it makes then works on the data frames of one connection,
frame in, frame out, in both directions.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

from zope.interface import Attribute, Interface

from .errors import HandshakeRefused, UnofferedExtension
from .frames import RSV1, RSV2, RSV3, Frame

__all__ = [
    "ExtensionOffer",
    "IExtension",
    "IExtensionFactory",
    "IReleasable",
    "IShareableExtension",
    "acceptExtensions",
    "checkClaims",
    "checkPayload",
    "confirmExtensions",
]


class ExtensionOffer(NamedTuple):
    """
    One extension in a C{Sec-WebSocket-Extensions} header, RFC 6455 section 9.1.

    @ivar name: the extension's name.
    @ivar parameters: its parameters in their order, as (name, value), the
        value being L{None} where there is none.
    """

    name: str
    parameters: Sequence[tuple[str, str | None]] = ()


class IExtension(Interface):
    """
    An extension at work on one connection.

    If one raises anything but a violation of the peer's, or makes what it must
    not, the connection fails with 1011: others may have worked on the message,
    and would look back to what never arrives.
    """

    rsv: int = Attribute(
        """
        The reserved bits that it claims, of L{txws.wire.frames.RSV1},
        L{RSV2<txws.wire.frames.RSV2>} and L{RSV3<txws.wire.frames.RSV3>}.
        """
    )

    isPerFrame: bool = Attribute(
        """
        Whether it works on each frame by itself.  If so, L{decode} is given
        the frames as the peer sent them, and its reserved bits may be set on
        each of them.  If not, L{decode} may be given a frame in parts, as a
        frame and continuations, and its bits may be set on the first frame of
        a message alone.
        """
    )

    def encode(frame: Frame, compress: bool | None = None) -> Frame:
        """
        Change a data frame that is to be sent: a whole message or a fragment.

        If no extension of the connection works on frames, a message is given
        whole, and cut into fragments afterwards.

        @param frame: a data frame, unmasked.
        @param compress: whether the application wants this message to be
            compressed; L{None} to leave it to the extension.  It counts on the
            first frame of a message.
        @return: what is sent for it: a frame whose payload is L{bytes}.
        """

    def decode(frame: Frame) -> Iterable[Frame]:
        """
        Undo what the peer's half of the extension did.

        @param frame: a data frame, or a part of one, unmasked.
        @return: what the application is to see: a frame or, where it has grown,
            the parts of one, as a frame and continuations.  They are asked for
            one after the other, each when there is room for it, before the
            next frame is decoded.  Fragments may be held back until the last
            of their message, which has to leave a whole message, or none.
        @raise txws.wire.errors.Violation: if the peer sent what the extension
            does not allow.
        """


class IShareableExtension(IExtension):
    """
    An extension that may make the same of a message on several connections, so
    that a message to many is encoded once for all of them.
    """

    sharingKey: Hashable | None = Attribute(
        """
        What L{encode} depends on beside the frame: an extension of the same
        class with an equal key encodes each whole message to the same frame.
        L{None} if it depends on what was sent before, so that nothing can be
        shared.
        """
    )


class IReleasable(Interface):
    """
    An extension that can do without some of its memory while it is idle.
    """

    def release() -> None:
        """
        Give memory back.  Called now and then while the peer is silent and is
        sent nothing, and between any two frames.
        """


class IExtensionFactory(Interface):
    """
    Negotiates an extension, for a server and for a client.
    """

    name: str = Attribute("The registered name of the extension, in lower case.")

    def accept(
        parameters: Sequence[tuple[str, str | None]], maxMessageSize: int | None
    ) -> tuple[Sequence[tuple[str, str | None]], IExtension] | None:
        """
        Consider a client's offer, on a server.

        @param parameters: the parameters of the offer.
        @param maxMessageSize: the most bytes that a message may have when it
            has been decoded, or L{None} for no limit.
        @return: the parameters to answer with, and the extension; or L{None}
            to decline the offer.
        """

    def offers() -> Iterable[Sequence[tuple[str, str | None]]]:
        """
        Make the parameters of a client's offers, the preferred one first.
        """

    def confirm(
        parameters: Sequence[tuple[str, str | None]], maxMessageSize: int | None
    ) -> IExtension:
        """
        Consider a server's answer, on a client.

        @param parameters: the parameters of the answer.
        @param maxMessageSize: as for L{accept}.
        @return: the extension.
        @raise txws.wire.errors.HandshakeRefused: if the answer is not one that
            the offers allow.
        """


def acceptExtensions(
    offers: Iterable[ExtensionOffer],
    factories: Sequence[IExtensionFactory],
    maxMessageSize: int | None,
) -> tuple[list[ExtensionOffer], list[IExtension]]:
    """
    Choose among a client's offers: of each extension the first offer that its
    factory accepts, unless a reserved bit of it is taken.

    @param offers: what the client offers, the preferred one first.
    @param factories: the extensions that the server knows.
    @param maxMessageSize: the most bytes in a decoded message.
    @return: the answers and the extensions, both in the order of the offers.
    """
    known = {factory.name: factory for factory in factories}
    answers: list[ExtensionOffer] = []
    extensions: list[IExtension] = []
    claimed = 0
    for offer in offers:
        factory = known.get(offer.name)
        if factory is None:
            continue
        accepted = factory.accept(offer.parameters, maxMessageSize)
        if accepted is None or accepted[1].rsv & claimed:
            continue
        parameters, extension = accepted
        del known[offer.name]
        claimed |= extension.rsv
        answers.append(ExtensionOffer(offer.name, tuple(parameters)))
        extensions.append(extension)
    return answers, extensions


def confirmExtensions(
    answers: Iterable[ExtensionOffer],
    factories: Sequence[IExtensionFactory],
    maxMessageSize: int | None,
) -> list[IExtension]:
    """
    Check a server's answers against what a client has offered, RFC 6455
    section 4.1.

    @param answers: what the server says is in use.
    @param factories: the extensions that the client has offered.
    @param maxMessageSize: the most bytes in a decoded message.
    @return: the extensions, in the order of the answers.
    @raise HandshakeRefused: if an answer was not offered, comes twice, or
        claims a reserved bit that is taken.
    """
    known = {factory.name: factory for factory in factories}
    extensions: list[IExtension] = []
    claimed = 0
    for answer in answers:
        factory = known.pop(answer.name, None)
        if factory is None:
            raise UnofferedExtension(
                f"the server uses extension {answer.name!r}, which was not offered"
            )
        extension = factory.confirm(answer.parameters, maxMessageSize)
        if extension.rsv & claimed:
            raise HandshakeRefused(
                f"extension {answer.name!r} claims a reserved bit that is taken"
            )
        claimed |= extension.rsv
        extensions.append(extension)
    return extensions


def checkClaims(extensions: Sequence[IExtension]) -> None:
    """
    Check that reserved bits are claimed, and each of them once.
    """
    claimed = 0
    for extension in extensions:
        if extension.rsv & ~(RSV1 | RSV2 | RSV3):
            raise ValueError(
                f"{extension!r} claims {extension.rsv:#x}, which is no reserved bit"
            )
        if extension.rsv & claimed:
            raise ValueError(f"{extension!r} claims a reserved bit that is taken")
        claimed |= extension.rsv


def checkPayload(payload: object) -> None:
    """
    Check what an extension has made.
    """
    if not isinstance(payload, bytes):
        raise TypeError(f"a payload must be bytes, not {type(payload).__name__}")
