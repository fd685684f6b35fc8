"""
Tests that the compiled wire and the plain one do the same, whatever they are
given.

With more examples, C{TXWS_EXAMPLES=10000} in the environment, this is the
search for what nobody thought of.
"""

from __future__ import annotations

import os
import pickle
from array import array
from dataclasses import fields
from importlib import import_module
from inspect import getdoc

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txws.testing import splitData
from txws.testing.strategies import chunkings, hostileBytes, messages
from txws.wire import isCompiled
from txws.wire.states import Role

from .plain import plain
from .tables import KEY, header, xor

stable = settings(
    deadline=None,
    derandomize=True,
    max_examples=int(os.environ.get("TXWS_EXAMPLES", "150")),
    database=None,
)

MODULES = ("masking", "singleframes", "frames", "events", "messages", "connection")
EDGES = [
    edge + more
    for edge in (0, 125, 126, 2**16, 2**31, 2**32, 2**63)
    for more in (-1, 0, 1)
    if 0 <= edge + more < 2**63
]

roles = st.sampled_from(Role)
chunks = chunkings(minSize=0)
keys = st.binary(min_size=4, max_size=4)
limits = st.none() | st.integers(0, 200) | st.sampled_from([2**63, 2**70])


def both(name):
    """
    Import a module of the wire twice.

    @return: the compiled one and the plain one.
    """
    return import_module(f"txws.wire.{name}"), plain(name)


def outcome(act, *arguments, **options):
    """
    Tell what a call returns, or which exception it raises and what that says.
    """
    try:
        return repr(act(*arguments, **options))
    except Exception as error:
        return repr(error)


class BothTestCase(SynchronousTestCase):
    """
    Asks both wires, where there are two.
    """

    skip = None if isCompiled else "only the plain wire is installed here"

    def assertSame(self, outcomes):
        """
        Check that both wires have done the same.
        """
        compiled, plain = outcomes
        self.assertEqual(compiled, plain)


class ModuleTests(BothTestCase):
    """
    There are two wires.
    """

    def test_files(self):
        """
        One is compiled and one is not.
        """
        for name in MODULES:
            compiled, plain = both(name)
            self.assertFalse(compiled.__file__.endswith(".py"), name)
            self.assertTrue(plain.__file__.endswith(".py"), name)

    def test_names(self):
        """
        Both have the same public names, with the same docstrings.
        """
        for name in MODULES:
            compiled, plain = both(name)
            self.assertEqual(compiled.__all__, plain.__all__)
            for public in plain.__all__:
                # That of the plain one is wsaccel's, which has no docstring.
                if public != "Masker":
                    found = getdoc(getattr(compiled, public))
                    self.assertEqual(found, getdoc(getattr(plain, public)), public)


# A part of a buffer, and what the buffer is.
payloads = st.builds(
    lambda make, data, part: makeBuffer(make, data)[part],
    st.sampled_from([bytes, bytearray, memoryview, lambda data: array("B", data)]),
    st.binary(max_size=80) | st.binary(min_size=1000, max_size=1100),
    st.builds(
        slice,
        st.none() | st.integers(-40, 40),
        st.none() | st.integers(-40, 40),
        st.none() | st.sampled_from([1, 1, 1, 2, 3, -1, -2]),
    ),
)


def makeBuffer(make, data):
    """
    Make a buffer.
    """
    made = make(data)
    # A slice of an array is an array of its own.
    return memoryview(made) if isinstance(made, array) else made


class MaskingTests(BothTestCase):
    """
    Payloads are masked in the same way.
    """

    @stable
    @given(payloads, keys)
    def test_mask(self, payload, key):
        """
        Any part of any buffer is masked.
        """
        for masking in both("masking"):
            self.assertEqual(masking.mask(payload, key), xor(bytes(payload), key))

    @stable
    @given(st.lists(payloads, max_size=6), keys)
    def test_pieces(self, pieces, key):
        """
        A payload in pieces is masked as if it were whole.
        """
        whole = b"".join(map(bytes, pieces))
        for masking in both("masking"):
            masker = masking.Masker(key)
            masked = [masker.process(piece) for piece in pieces]
            self.assertEqual(b"".join(masked), xor(whole, key))

    @stable
    @given(st.binary(min_size=4, max_size=100), st.data())
    def test_unmask(self, buffer, data):
        """
        A payload is unmasked where it lies, after its key.
        """
        start = data.draw(st.integers(4, len(buffer)))
        end = data.draw(st.integers(start, len(buffer)))
        expected = xor(buffer[start:end], buffer[start - 4 : start])
        for masking in both("masking"):
            self.assertEqual(masking.unmask(buffer, start, end), expected)

    def test_refused(self):
        """
        What is not like bytes is refused, and what has items of another kind.
        """
        number = memoryview(bytes(8))
        for payload in (
            5,
            "text",
            [1, 2],
            array("I", [1, 2]),
            number.cast("I"),
            number.cast("b"),
            number.cast("B", (2, 4)),
        ):
            self.assertSame(
                outcome(masking.mask, payload, KEY) for masking in both("masking")
            )


class SingleFrameTests(BothTestCase):
    """
    Messages in one frame are decoded and serialized in the same way.
    """

    @stable
    @given(st.binary() | st.text().map(str.encode), st.data(), st.booleans())
    def test_textAt(self, buffer, data, isMasked):
        """
        Any part of what was received is decoded, or refused.
        """
        start = data.draw(st.integers(-5, len(buffer) + 5))
        end = data.draw(st.integers(-5, len(buffer) + 5))
        if not 4 <= start <= end <= len(buffer):
            # The plain wire never looks there.
            compiled, _ = both("singleframes")
            self.assertRaises(ValueError, compiled.textAt, buffer, start, end, True)
            return
        self.assertSame(
            outcome(singleframes.textAt, buffer, start, end, isMasked)
            for singleframes in both("singleframes")
        )

    def test_ownLength(self):
        """
        Nothing is read behind what was received, though it say that it is longer.
        """

        class Liar(bytes):
            """
            Says so.
            """

            def __len__(self):
                return 1 << 40

        received = Liar(KEY + b"abc")
        compiled, _ = both("singleframes")
        masking, _ = both("masking")
        for end in (8, 100, 1 << 39):
            self.assertRaises(ValueError, masking.unmask, received, 4, end)
            for isMasked in (True, False):
                self.assertRaises(
                    ValueError, compiled.textAt, received, 4, end, isMasked
                )

    @stable
    @given(
        st.text()
        | st.text(st.characters(), max_size=5)
        | st.builds(
            lambda character, count: character * count,
            st.sampled_from(["a", "\x7f", "\xe9", "\ud800"]),
            st.sampled_from([0, 1, 125, 126, 62, 63, 32767, 32768, 65535]),
        )
    )
    def test_serializeMessage(self, text):
        """
        Any message is serialized, or refused.
        """
        for message in (text, text.encode("utf-8", "surrogatepass")):
            self.assertSame(
                outcome(singleframes.serializeMessage, message)
                for singleframes in both("singleframes")
            )


class FrameTests(BothTestCase):
    """
    Frames are parsed and serialized in the same way.
    """

    @stable
    @given(
        st.integers(0, 15),
        st.sampled_from(EDGES),
        st.booleans(),
        st.sampled_from([0, 0x10, 0x70]),
        st.none() | keys,
    )
    def test_header(self, opcode, length, isFinal, rsv, key):
        """
        The header of any frame is serialized.
        """
        expected = header(opcode, length, isFinal, rsv, key is not None) + (key or b"")
        for frames in both("frames"):
            made = frames.serializeHeader(opcode, length, isFinal, rsv, key)
            self.assertEqual(made, expected)

    @stable
    @given(
        roles.flatmap(hostileBytes)
        | st.builds(
            lambda head, rest: head + rest,
            st.builds(
                header,
                st.integers(0, 15),
                st.sampled_from(EDGES),
                st.booleans(),
                st.just(0),
                st.booleans(),
            ),
            st.binary(max_size=300),
        ),
        chunks,
        st.booleans(),
        limits,
        limits,
        st.sampled_from([0, 0x40, 0x70]),
        st.booleans(),
        st.booleans(),
    )
    def test_parse(
        self, data, sizes, isMasked, maxSize, maxFragments, rsv, keepsWhole, isHasty
    ):
        """
        Any bytes are parsed into the same frames, or refused for the same
        reason, in any pieces, and with any limits.
        """
        outcomes = []
        for frames in both("frames"):
            parser = frames.FrameParser(
                isMasked,
                maxMessageSize=maxSize,
                maxFragments=maxFragments,
                firstRSV=rsv,
                continuationRSV=rsv & 0x20,
                keepsFramesWhole=keepsWhole,
            )
            parsed = []
            for piece in splitData(data, sizes):
                parser.receiveData(piece)
                while isHasty:
                    parsed.append(outcome(parser.nextFrame))
                    if not parsed[-1].startswith("Frame"):
                        break
            # A parser that has refused a frame is not asked again by anybody.
            for _ in range(2):
                parsed.append(outcome(parser.nextPayload))
                parsed.append((parser.opcode, bool(parser.isFinal), parser.rsv))
            parser.clear()
            outcomes.append((parsed, outcome(parser.nextFrame)))
        self.assertSame(outcomes)


class MessageTests(BothTestCase):
    """
    Messages are put together in the same way, and are the same events.
    """

    @stable
    @given(
        st.sampled_from(["MessageAssembler", "FragmentReader"]),
        limits,
        st.lists(
            st.tuples(
                st.integers(0, 2),
                st.binary(max_size=8) | st.text(max_size=8).map(str.encode),
                st.booleans(),
            ),
            max_size=8,
        ),
    )
    def test_assemble(self, kind, limit, fragments):
        """
        Any frames become the same messages, or are refused for the same reason.
        """
        outcomes = []
        for module in both("messages"):
            assembler = getattr(module, kind)(limit)
            made = [outcome(assembler.receiveFrame, *each) for each in fragments]
            assembler.clear()
            outcomes.append((made, outcome(assembler.receiveFrame, 1, b"new", True)))
        self.assertSame(outcomes)

    def test_events(self):
        """
        Events have the same fields, and can be shown, compared, changed and
        pickled.
        """
        compiled, plain = both("events")
        for name in compiled.__all__:
            if not isinstance(getattr(plain, name), type):
                continue
            outcomes = []
            for events in (compiled, plain):
                kind = getattr(events, name)
                names = [each.name for each in fields(kind)]
                event = kind(*names)
                self.assertEqual(event, kind(**dict(zip(names, names, strict=True))))
                self.assertNotEqual(event, kind(*names[1:], None))
                self.assertEqual(pickle.loads(pickle.dumps(event)), event)
                self.assertEqual([getattr(event, each) for each in names], names)
                outcomes.append((names, repr(event), kind.__match_args__))
            self.assertSame(outcomes)


texts = st.text(max_size=40)
payloadsOfPings = st.binary(max_size=130)
flags = st.booleans()
compress = st.sampled_from([None, True, False])

# What an application and a transport do with a connection.
calls = st.lists(
    st.sampled_from([("receiveData",), ("nextEvent",), ("nextMessages",)])
    | st.tuples(st.just("sendText"), texts, compress)
    | st.tuples(st.just("sendBytes"), st.binary(max_size=200), compress)
    | st.tuples(
        st.just("sendBytes"), st.builds(bytes, st.integers(4000, 70000)), compress
    )
    | st.tuples(st.just("sendTextFragment"), texts, flags, compress)
    | st.tuples(st.just("sendBytesFragment"), st.binary(max_size=99), flags, compress)
    | st.tuples(st.just("finishMessage"))
    | st.tuples(st.just("sendPrepared"), messages())
    | st.tuples(st.just("sendPing"), payloadsOfPings)
    | st.tuples(st.just("sendPong"), payloadsOfPings)
    | st.tuples(
        st.just("sendClose"),
        st.none() | st.sampled_from([1000, 1005, 3000, 4999, 5000]),
        st.text(max_size=60),
    )
    | st.tuples(st.just("dataToSend"), st.none() | st.integers(0, 5000))
    | st.tuples(st.just("isCongested"), flags)
    | st.tuples(st.just("release"))
    | st.tuples(st.just("discardData"))
    | st.tuples(st.just("connectionLost")),
    max_size=25,
)


class Caller:
    """
    A connection of one of both wires, and what it has shown of itself.
    """

    def __init__(self, load, role, deflation, isObserved, **settings):
        self.seen = []
        self._prepared = load("prepared").PreparedMessage
        module = load("connection")
        extensions = []
        if deflation is not None:
            moduleName, factoryName = deflation
            factory = getattr(load(moduleName), factoryName)()
            _answer, extension = factory.accept((), settings["maxMessageSize"])
            extensions.append(extension)
        self._connection = module.Connection(
            module.Role(role.value),
            extensions=extensions,
            generateKey=lambda: KEY,
            observer=self._observe if isObserved else None,
            **settings,
        )

    def _observe(self, direction, frame):
        self.seen.append((direction.value, tuple(frame)))

    def call(self, name, *arguments):
        """
        Do what an application or a transport does.
        """
        connection = self._connection
        if name == "isCongested":
            connection.isCongested = arguments[0]
        else:
            if name == "sendPrepared":
                arguments = (self._prepared(*arguments),)
            self.seen.append(outcome(getattr(connection, name), *arguments))
        self.seen.append(
            (
                connection.state.value,
                connection.pendingSize,
                repr(connection.closeSent),
                repr(connection.closeReceived),
                bool(connection.isCloseReceivedFirst),
                bool(connection.hasMore),
            )
        )

    def finish(self):
        """
        Ask for all that is left.
        """
        for _ in range(40):
            self.call("nextEvent")
        self.call("dataToSend")


class ConnectionTests(BothTestCase):
    """
    Connections do the same.
    """

    @stable
    @given(
        roles.flatmap(
            lambda role: st.tuples(
                st.just(role),
                hostileBytes(role)
                | hostileBytes(role).map(lambda data: data + bytes(300))
                | st.binary(),
            )
        ),
        chunks,
        calls,
        st.sampled_from(
            [
                None,
                ("deflate", "PerMessageDeflate"),
                ("deflateframe", "WebkitDeflateFrame"),
            ]
        ),
        flags,
        st.fixed_dictionaries(
            {
                "maxMessageSize": limits,
                "maxFragments": limits,
                "fragmentSize": st.none() | st.integers(1, 70),
                "deliversFragments": flags,
            }
        ),
    )
    def test_calls(self, roleAndBytes, sizes, calls, deflation, isObserved, settings):
        """
        Whatever arrives, in whatever pieces, and whatever is called in between,
        they tell of the same events, show the same frames, raise the same
        errors, and send the same bytes.
        """
        role, data = roleAndBytes
        outcomes = []
        for load in (lambda name: import_module(f"txws.wire.{name}"), plain):
            caller = Caller(load, role, deflation, isObserved, **settings)
            pieces = iter(splitData(data, sizes))
            for name, *arguments in calls:
                if name == "receiveData":
                    caller.call(name, next(pieces, b""))
                else:
                    caller.call(name, *arguments)
            for piece in pieces:
                caller.call("receiveData", piece)
                caller.call("nextMessages")
                caller.call("nextEvent")
            caller.finish()
            outcomes.append(caller.seen)
        self.assertSame(outcomes)

    @stable
    @given(roles, st.lists(messages(), max_size=8), chunks, limits)
    def test_conversation(self, role, sent, sizes, fragmentSize):
        """
        Each understands the other.
        """
        other = Role.CLIENT if role is Role.SERVER else Role.SERVER
        compiled, plain = both("connection")
        for here, there in ((compiled, plain), (plain, compiled)):
            sender = here.Connection(
                here.Role(role.value), fragmentSize=fragmentSize or None
            )
            receiver = there.Connection(there.Role(other.value))
            for message in sent:
                if isinstance(message, str):
                    sender.sendText(message)
                else:
                    sender.sendBytes(message)
            received = []
            for piece in splitData(b"".join(sender.dataToSend()), sizes):
                receiver.receiveData(piece)
                received.extend(iter(receiver.nextEvent, None))
            self.assertEqual(
                [getattr(each, fields(each)[0].name) for each in received], sent
            )
