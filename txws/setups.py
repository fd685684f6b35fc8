"""
What a server is told, wherever it listens: checked at once, and settled when
the first connection comes.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.interfaces import IReactorTime
from zope.interface.interface import InterfaceClass

from .applications import Application, handlerFactoryFor
from .errors import InvalidSetting
from .extensions import checkExtensions
from .interfaces import IExtensionFactory, ILegacyVersions
from .negotiation import ServerSettings
from .policy import (
    HandshakePolicy,
    KeepalivePolicy,
    Limits,
    checkBoolean,
    checkPolicies,
)

__all__ = ["ServerSetup", "checkProvides", "clockFor"]


class ServerSetup:
    """
    The settings of a server.

    @ivar handlerFactory: the application.
    @ivar limits: how much a peer may make the server keep.
    @ivar clock: what schedules; L{None} for the reactor, before it is needed.
    """

    def __init__(
        self,
        application: Application,
        text: bool,
        limits: Limits | None,
        keepalive: KeepalivePolicy | None,
        handshake: HandshakePolicy | None,
        extensions: Iterable[IExtensionFactory] | None,
        logsFrames: bool,
        clock: IReactorTime | None,
        legacy: ILegacyVersions | None = None,
    ) -> None:
        """
        See L{WebSocketFactory<txws.factories.WebSocketFactory>}.

        @raise InvalidSetting: if the application, or a setting, is none.
        """
        checkPolicies(limits, keepalive, handshake)
        checkBoolean("text", text)
        checkBoolean("logsFrames", logsFrames)
        if clock is not None:
            checkProvides("clock", clock, IReactorTime)
        if legacy is not None:
            checkProvides("legacy", legacy, ILegacyVersions)
        self.handlerFactory = handlerFactoryFor(application, text)
        self.limits = limits or Limits()
        self.clock = clock
        self._keepalive = keepalive or KeepalivePolicy()
        self._handshake = handshake or HandshakePolicy()
        self._extensions = checkExtensions(extensions)
        self._logsFrames = logsFrames
        self._legacy = legacy
        self._settings: ServerSettings | None = None

    @property
    def settings(self) -> ServerSettings:
        """
        What all connections of the server share.
        """
        if self._settings is None:
            self._settings = self._settle()
        return self._settings

    def _settle(self) -> ServerSettings:
        """
        Settle what all connections share.
        """
        self.clock = clock = clockFor(self.clock)
        return ServerSettings(
            handlerFactory=self.handlerFactory,
            limits=self.limits,
            keepalive=self._keepalive,
            handshake=self._handshake,
            extensions=self._extensions,
            clock=clock,
            logsFrames=self._logsFrames,
            legacy=self._legacy,
        )


def clockFor(clock: IReactorTime | None) -> IReactorTime:
    """
    Find what schedules.

    @param clock: L{None} for the reactor, which whoever imports it installs:
        not before it is needed.
    """
    if clock is None:
        from twisted.internet import reactor

        clock = IReactorTime(reactor)
    return clock


def checkProvides(name: str, setting: object, interface: InterfaceClass) -> None:
    """
    Check a setting that is an object.

    @param name: what it is called.
    @param setting: what it is.
    @param interface: what it has to provide.
    @raise InvalidSetting: if it does not.
    """
    if not interface.providedBy(setting):
        raise InvalidSetting(
            name, f"must provide {interface.__name__}, not {setting!r}"
        )
