"""
Tests for L{txws.coroutines}.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, gatherResults, inlineCallbacks
from twisted.logger import capturedLogs, formatEvent
from zope.interface.verify import verifyObject

from txws.applications import handlerFactoryFor
from txws.conversation import Conversation
from txws.coroutines import CoroutineFactory, onAsyncio
from txws.errors import InvalidSetting
from txws.interfaces import IWebSocketHandler, IWebSocketHandlerFactory
from txws.wire.codes import Opcode
from txws.wire.frames import Frame

from .ends import End, Served, closeFrame
from .test_transport import Broken, TransportTestCase

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = Opcode


class ServeTests(TransportTestCase):
    """
    A coroutine for the time of a connection.
    """

    def test_interfaces(self):
        """
        The promises are kept.
        """
        factory = CoroutineFactory(lambda conversation: Deferred())
        verifyObject(IWebSocketHandlerFactory, factory)
        verifyObject(IWebSocketHandler, factory.buildHandler(End().webSocket.request))

    def test_returns(self):
        """
        When it returns, the connection is closed.
        """

        async def serve(websocket: Conversation) -> None:
            await websocket.send("hello")

        end = Served.by(serve)
        self.assertEqual(end.takeFrames(), [Frame(TEXT, b"hello"), closeFrame(1000)])

    def checkBroken(self, serve: Any) -> None:
        """
        Check that an error is logged with the facts, and closes with 1011.
        """
        with capturedLogs() as logs:
            end = Served.by(serve)
            end.receiveText("a")
        self.assertEqual(end.takeFrames(), [closeFrame(1011, "internal error")])
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)
        (event,) = [event for event in logs if "log_failure" in event]
        self.assertIn("/feed", formatEvent(event))
        self.assertIn("serve", formatEvent(event))

    def test_raises(self):
        """
        When it raises, that is logged and told.
        """

        async def serve(websocket: Conversation) -> None:
            await websocket.receive()
            raise Broken

        self.checkBroken(serve)

    def test_raisesAtOnce(self):
        """
        Also at once, and if it is no coroutine.
        """

        def serve(websocket: Conversation) -> Deferred[None]:
            raise Broken

        self.checkBroken(serve)

    def test_nothing(self):
        """
        A function that returns nothing is a mistake.
        """

        def serve(websocket: Conversation) -> None:
            pass

        found: Any = serve
        end = Served.by(found)
        self.assertEqual(end.takeFrames(), [closeFrame(1011, "internal error")])
        (failure,) = self.flushLoggedErrors(TypeError)
        self.assertIn("serve", str(failure.value))

    def test_end(self):
        """
        What it raises because the connection has ended is not logged.
        """
        acts: tuple[Callable[[Conversation], Any], ...] = (
            lambda websocket: websocket.receive(),
            lambda websocket: websocket.ping(),
        )
        for act in acts:

            async def serve(
                websocket: Conversation, act: Callable[[Conversation], Any] = act
            ) -> None:
                await act(websocket)

            end = Served.by(serve)
            end.lose()
            self.assertEqual(self.flushLoggedErrors(), [])

    def test_severalWaits(self):
        """
        Nor is it logged if it waits for several things at once.
        """

        async def serve(websocket: Conversation) -> None:
            waits: list[Deferred[Any]] = [websocket.receive(), websocket.whenClosed()]
            await gatherResults(waits, consumeErrors=True)

        end = Served.by(serve)
        end.lose()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_inlineCallbacks(self):
        """
        A function that returns a Deferred will do.
        """

        @inlineCallbacks
        def echo(websocket):
            message = yield websocket.receive()
            yield websocket.send(message)

        end = Served.by(echo)
        end.receiveText("a")
        self.assertEqual(end.takeFrames(), [Frame(TEXT, b"a"), closeFrame(1000)])

    def test_application(self):
        """
        A coroutine function is an application.
        """

        async def serve(websocket: Conversation) -> None:
            await websocket.receive()

        self.assertIsInstance(handlerFactoryFor(serve), CoroutineFactory)
        self.assertRaises(InvalidSetting, handlerFactoryFor, serve, True)

    def test_subprotocols(self):
        """
        A factory names what the coroutine speaks.
        """
        factory = CoroutineFactory(lambda websocket: Deferred(), "v2", "v1")
        self.assertEqual(factory.subprotocols, ("v2", "v1"))

    def test_settings(self):
        """
        Settings that make no sense are refused, by their names.
        """

        async def serve(websocket: Conversation) -> None:
            pass

        for setting, arguments, settings in (
            ("serve", (3,), {}),
            ("subprotocols", (serve, "a b"), {}),
            ("subprotocols", (serve, "a", 5), {}),
            ("highWater", (serve,), {"highWater": 0, "lowWater": 0}),
            ("highWater", (serve,), {"highWater": "8"}),
            ("highWater", (serve,), {"highWater": 8.5}),
            ("lowWater", (serve,), {"highWater": 4, "lowWater": -1}),
            ("lowWater", (serve,), {"highWater": 4, "lowWater": 4}),
        ):
            make: Any = CoroutineFactory
            error = self.assertRaises(InvalidSetting, make, *arguments, **settings)
            self.assertEqual(error.setting, setting)
        error = self.assertRaises(
            InvalidSetting, lambda: CoroutineFactory(serve, highWater=2)
        )
        self.assertEqual(
            str(error), "lowWater must be less than highWater, which is 2, not 4"
        )


class AsyncioTests(TransportTestCase):
    """
    The same on asyncio.
    """

    def test_echo(self):
        """
        A coroutine of asyncio's may use what is made for asyncio.
        """

        async def echo(websocket: Conversation) -> None:
            async for message in websocket:
                await asyncio.sleep(0)
                await websocket.send(message)

        async def check() -> Served:
            end = Served.by(onAsyncio(echo))
            await asyncio.sleep(0)
            end.receiveText("a", "b")
            for _turn in range(10):
                await asyncio.sleep(0)
            end.receiveClose()
            frames.extend(end.takeFrames())
            end.finish()
            await end.conversation.whenClosed()
            await asyncio.sleep(0)
            return end

        frames: list[Frame] = []
        self.runOnAsyncio(check())
        self.assertEqual(
            frames, [Frame(TEXT, b"a"), Frame(TEXT, b"b"), closeFrame(1000)]
        )

    def test_raises(self):
        """
        What it raises is logged and told.
        """

        async def broken(websocket: Conversation) -> None:
            await websocket.receive()
            raise Broken

        async def check() -> Served:
            end = Served.by(onAsyncio(broken))
            await asyncio.sleep(0)
            end.receiveText("a")
            for _turn in range(10):
                await asyncio.sleep(0)
            return end

        end = self.runOnAsyncio(check())
        self.assertEqual(end.takeFrames(), [closeFrame(1011, "internal error")])
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)

    def test_otherReactor(self):
        """
        Where no event loop runs, a coroutine of asyncio's would never be run: that
        is said, and the connection closed.
        """

        async def serve(websocket: Conversation) -> None:
            await websocket.send("never")

        end = Served.by(onAsyncio(serve))
        self.assertEqual(end.takeFrames(), [closeFrame(1011, "internal error")])
        (failure,) = self.flushLoggedErrors(RuntimeError)
        self.assertIn("needs the asyncio reactor", str(failure.value))

    def test_misuse(self):
        """
        What is no function is refused.
        """
        found: Any = "echo"
        error = self.assertRaises(InvalidSetting, onAsyncio, found)
        self.assertEqual(error.setting, "serve")

    def test_cancelLosesNothing(self):
        """
        A message that comes when the task is being cancelled is not lost.
        """
        end = Served.idle()

        async def receive() -> Any:
            return await end.conversation.receive()

        async def check() -> Any:
            task = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            end.receiveText("a")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return await end.conversation.receive()

        self.assertEqual(self.runOnAsyncio(check()), "a")

    def test_cancelAndReceiveAgain(self):
        """
        Such a message is for whoever receives already in the place of the task.
        """
        end = Served.idle()

        async def receive() -> Any:
            return await end.conversation.receive()

        async def check() -> Any:
            task = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            end.receiveText("a")
            task.cancel()
            received = end.conversation.receive()
            await asyncio.gather(task, return_exceptions=True)
            end.receiveText("b")
            return await received, await end.conversation.receive()

        self.assertEqual(self.runOnAsyncio(check()), ("a", "b"))

    def test_twistedInside(self):
        """
        A coroutine of Twisted's that goes on inside of a task of asyncio's is
        still one of Twisted's.
        """
        end = Served.idle()

        async def onTwisted() -> Any:
            await end.conversation.receive()
            return await end.conversation.receive()

        waiting = Deferred.fromCoroutine(onTwisted())

        async def check() -> None:
            end.receiveText("a")

        self.runOnAsyncio(check())
        end.receiveText("b")
        self.assertEqual(self.successResultOf(waiting), "b")

    def test_stream(self):
        """
        What is streamed from asyncio may wait for the conversation.
        """
        end = Served.idle()

        async def pieces() -> Any:
            yield await end.conversation.receive()

        async def check() -> None:
            sending = asyncio.ensure_future(send())
            await asyncio.sleep(0)
            end.receiveText("a")
            await sending

        async def send() -> None:
            await end.conversation.send(pieces())

        self.runOnAsyncio(check())
        self.assertEqual(
            end.takeFrames(),
            [Frame(TEXT, b"a", isFinal=False), Frame(CONTINUATION, b"")],
        )

    def test_wait(self):
        """
        Waiting can be limited as asyncio does it.
        """
        end = Served.idle()

        async def receive() -> Any:
            return await end.conversation.receive()

        async def check() -> Any:
            try:
                await asyncio.wait_for(receive(), 0.01)
            except asyncio.TimeoutError:
                end.receiveText("a")
                return await end.conversation.receive()

        self.assertEqual(self.runOnAsyncio(check()), "a")

    def runOnAsyncio(self, coroutine: Any) -> Any:
        """
        Run a coroutine on an event loop of its own.
        """
        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(coroutine)
        finally:
            loop.close()
