"""
Tests for L{txws.policy}.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase

from txws.errors import InvalidSetting
from txws.policy import HandshakePolicy, KeepalivePolicy, Limits
from txws.request import WebSocketRequest
from txws.wire.errors import BadHandshake
from txws.wire.http import Headers, HeadLimits

NAN = float("nan")
INFINITY = float("inf")


def makeRequest(
    origin: str | None = None,
    host: str = "example.com",
    isSecure: bool = False,
    path: str = "/",
) -> WebSocketRequest:
    """
    Make a request that comes from a page.
    """
    return WebSocketRequest(
        target=path,
        host=host,
        origin=origin,
        headers=Headers(),
        subprotocols=(),
        isSecure=isSecure,
        peer=IPv4Address("TCP", "192.0.2.2", 50000),
    )


class SettingsTestCase(SynchronousTestCase):
    """
    Judges settings.
    """

    def assertInvalid(self, make, setting: str, *values: object) -> None:
        """
        Assert that a setting cannot have some values, and that the error says
        which setting it is and shows the value.
        """
        for value in values:
            try:
                made = make(**{setting: value})
            except InvalidSetting as error:
                self.assertEqual(error.setting, setting, value)
                self.assertTrue(str(error).startswith(f"{setting} must "), error)
            else:
                self.fail(f"{setting}={value!r} makes {made!r}")


class LimitsTests(SettingsTestCase):
    """
    Tests for L{Limits}.
    """

    def test_defaults(self):
        """
        A server is limited unless it is told otherwise.
        """
        self.assertEqual(
            Limits(),
            Limits(
                maxMessageSize=1048576,
                maxFragments=4096,
                maxHandshakeSize=16384,
                maxHeaders=128,
                maxLineSize=8192,
                maxConnections=None,
                highWaterMark=65536,
                lowWaterMark=16384,
                maxPendingSize=16777216,
            ),
        )

    def test_headLimits(self):
        """
        The opening handshake has limits of its own.
        """
        limits = Limits(maxHandshakeSize=3, maxHeaders=1, maxLineSize=2)
        self.assertEqual(
            limits.headLimits, HeadLimits(maxSize=3, maxHeaders=1, maxLineSize=2)
        )

    def test_lineInHandshake(self):
        """
        No line of the opening handshake is longer than all of it.
        """
        Limits(maxHandshakeSize=100, maxLineSize=100)
        error = self.assertRaises(
            InvalidSetting, Limits, maxHandshakeSize=99, maxLineSize=100
        )
        self.assertEqual(error.setting, "maxLineSize")
        self.assertEqual(error.problem, "must be at most maxHandshakeSize, 99, not 100")

    def test_counts(self):
        """
        What counts bytes or things is a whole number from 1 on.
        """
        for field in fields(Limits):
            if field.name != "lowWaterMark":
                bad = (0, -1, 1.5, "1", True, False, NAN, b"", [])
                self.assertInvalid(Limits, field.name, *bad)

    def test_unlimited(self):
        """
        There may be no limit to messages, fragments, connections and what is
        pending, but there always is one to the rest.
        """
        optional = {"maxMessageSize", "maxFragments", "maxConnections"}
        optional.add("maxPendingSize")
        unlimited: dict[str, Any] = dict.fromkeys(optional)
        limits = Limits(**unlimited)
        for field in fields(Limits):
            if field.name in optional:
                self.assertIsNone(getattr(limits, field.name))
            else:
                self.assertInvalid(Limits, field.name, None)

    def test_lowWaterMark(self):
        """
        The low-water mark is from 0 to the high-water mark.
        """
        Limits(lowWaterMark=0)
        Limits(lowWaterMark=65536)
        bad = (-1, 65537, 1.5, "1", True, NAN, None)
        self.assertInvalid(Limits, "lowWaterMark", *bad)

    def test_maxPendingSize(self):
        """
        No less may be pending than up to the high-water mark.
        """
        Limits(maxPendingSize=65536)
        self.assertInvalid(Limits, "maxPendingSize", 65535)

    def test_frozen(self):
        """
        Settings do not change.
        """
        self.assertRaises(
            FrozenInstanceError, setattr, Limits(), "maxMessageSize", None
        )


class KeepalivePolicyTests(SettingsTestCase):
    """
    Tests for L{KeepalivePolicy}.
    """

    def test_defaults(self):
        """
        A silent peer is pinged and given up unless a server is told otherwise.
        """
        self.assertEqual(
            KeepalivePolicy(),
            KeepalivePolicy(
                handshakeTimeout=10,
                pingInterval=20,
                pingTimeout=20,
                closeTimeout=5,
                idleTimeout=None,
                isOneWay=False,
            ),
        )

    def test_seconds(self):
        """
        What is a time is a number of seconds more than 0.
        """
        for field in fields(KeepalivePolicy):
            if field.name != "isOneWay":
                bad = (0, -1, "1", True, False, NAN, INFINITY, b"", [])
                self.assertInvalid(KeepalivePolicy, field.name, *bad)
                short: dict[str, Any] = {field.name: 0.001}
                self.assertEqual(getattr(KeepalivePolicy(**short), field.name), 0.001)

    def test_isOneWay(self):
        """
        Whether nobody answers is a question of yes or no.
        """
        self.assertInvalid(KeepalivePolicy, "isOneWay", 1, 0, "no", None)

    def test_never(self):
        """
        Pings and the end of idle connections can be switched off; the
        deadlines cannot.
        """
        KeepalivePolicy(pingInterval=None, idleTimeout=None)
        for name in ("handshakeTimeout", "pingTimeout", "closeTimeout"):
            self.assertInvalid(KeepalivePolicy, name, None)

    def test_frozen(self):
        """
        Settings do not change.
        """
        self.assertRaises(
            FrozenInstanceError, setattr, KeepalivePolicy(), "closeTimeout", 1
        )


class HandshakePolicyTests(SettingsTestCase):
    """
    Tests for the paths and subprotocols of L{HandshakePolicy}.
    """

    def test_paths(self):
        """
        All paths exist if none are named, and only those that are named else.
        """
        HandshakePolicy().checkRequest(makeRequest(path="/anything"))
        policy = HandshakePolicy(paths=("/feed", "/chät"))
        policy.checkRequest(makeRequest(path="/feed"))
        policy.checkRequest(makeRequest(path="/chät"))
        for path in ("/", "/feed/", "/Feed", "/feed/..", "//feed", "/fee"):
            request = makeRequest("http://evil.com", path=path)
            refused = self.assertRaises(BadHandshake, policy.checkRequest, request)
            self.assertEqual(refused.status, 404, path)

    def test_noPaths(self):
        """
        If no path exists, none does.
        """
        policy = HandshakePolicy(paths=())
        self.assertRaises(BadHandshake, policy.checkRequest, makeRequest())

    def test_invalidPaths(self):
        """
        A path begins with a slash.
        """
        self.assertInvalid(
            HandshakePolicy,
            "paths",
            ["feed"],
            [""],
            ["/", None],
            [b"/"],
            "/feed",
            1,
            ["/a?b"],
        )

    def test_subprotocol(self):
        """
        Of what both sides speak, the server's preference counts, not the
        order in which the client offers it.
        """
        policy = HandshakePolicy(subprotocols=("v2", "v1"))
        for offered, chosen in (
            (("v1", "v2"), "v2"),
            (("v1",), "v1"),
            (("v3", "v1"), "v1"),
            (("V2",), None),
            (("v3",), None),
            ((), None),
        ):
            self.assertEqual(policy.chooseSubprotocol(offered, ("v3",)), chosen)

    def test_subprotocolOfTheApplication(self):
        """
        If the policy names no subprotocols, those of the application count.
        """
        policy = HandshakePolicy()
        self.assertEqual(policy.chooseSubprotocol(("a", "b"), ("b", "a")), "b")
        self.assertIsNone(policy.chooseSubprotocol(("a",), ()))

    def test_noSubprotocol(self):
        """
        A policy may say that none is spoken, whatever the application says.
        """
        policy = HandshakePolicy(subprotocols=())
        self.assertIsNone(policy.chooseSubprotocol(("a",), ("a",)))

    def test_invalidSubprotocols(self):
        """
        A subprotocol can stand in a header.
        """
        self.assertInvalid(
            HandshakePolicy,
            "subprotocols",
            ["a b"],
            ["a,b"],
            [""],
            ["a\r\nX: y"],
            ["ü"],
            [" a"],
            ["a", None],
            [b"a"],
            "a",
            1,
        )

    def test_frozen(self):
        """
        A policy is a value: it does not change, not even when the list does
        that it was made from.
        """
        paths = ["/"]
        origins = ["https://example.com"]
        policy = HandshakePolicy(origins=origins, paths=paths, subprotocols=["a"])
        paths.append("/secret")
        origins.clear()
        request = makeRequest("https://example.com", path="/secret")
        self.assertRaises(BadHandshake, policy.checkRequest, request)
        self.assertRaises(FrozenInstanceError, setattr, policy, "paths", None)
        same = HandshakePolicy(("https://example.com",), ("a",), ("/",))
        self.assertEqual(policy, same)
        self.assertEqual(hash(policy), hash(same))
