"""
Tests for L{txws.patterns}.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any
from uuid import UUID

from twisted.trial.unittest import SynchronousTestCase
from werkzeug.routing import BaseConverter, ValidationError

from txws.errors import InvalidSetting
from txws.patterns import Patterns

ID = "123e4567-e89b-12d3-a456-426614174000"


class Slug(BaseConverter):
    """
    A converter of an application's own.
    """

    regex = "[a-z]+(?:-[a-z]+)*"
    weight = 75

    def to_python(self, value: str) -> list[str]:
        """
        Split it; one word is not allowed.
        """
        words = value.split("-")
        if len(words) < 2:
            raise ValidationError
        return words


class Tail(BaseConverter):
    """
    Another one: whatever is left of a path, if only nothing.
    """

    regex = "(?:/.*)?"


class Broken(BaseConverter):
    """
    A converter that cannot be.
    """

    regex = "("


class PatternTestCase(SynchronousTestCase):
    """
    Has patterns, to each of which belongs itself.
    """

    def make(self, *patterns: str, **converters: Any) -> Patterns[str]:
        """
        Make them.
        """
        made: Patterns[str] = Patterns(converters)
        for pattern in patterns:
            made.add(pattern, pattern)
        return made


class MatchTests(PatternTestCase):
    """
    What matches.
    """

    def test_text(self):
        """
        A pattern without parameters is a path.
        """
        patterns = self.make("/", "/chat", "/café ☃", "/a.c", "/^$")

        for path in ("/", "/chat", "/café ☃", "/a.c", "/^$"):
            self.assertEqual(patterns.find(path), (path, {}))
        for path in ("", "/chat ", "/CHAT", "/chat\n", "/abc", "chat", "*"):
            self.assertIsNone(patterns.find(path), path)

    def test_slashes(self):
        """
        A slash at the end, or one more in between, makes another path.
        """
        patterns = self.make("/chat", "/feed/", "/chat/<room>", "/a//b")

        for path in (
            *("/chat/", "//chat", "//", "/feed", "/feed//", "//feed/"),
            *("/chat//", "/chat/red/", "/chat//red", "/a/b", "/a///b"),
        ):
            self.assertIsNone(patterns.find(path), path)
        self.assertEqual(patterns.find("/feed/"), ("/feed/", {}))
        self.assertEqual(patterns.find("/a//b"), ("/a//b", {}))

    def test_values(self):
        """
        A parameter has the type of its converter.
        """
        for pattern, path, value in (
            ("/<a>", "/red room", "red room"),
            ("/<a>", "/红", "红"),
            ("/<a>", "/\n\0<b>%2F", "\n\0<b>%2F"),
            ("/<string(length=2):a>", "/de", "de"),
            ("/v<int:a>.x", "/v12.x", 12),
            ("/<int(signed=True):a>", "/-5", -5),
            ("/<float:a>", "/1.5", 1.5),
            ("/<any(red, blue):a>", "/blue", "blue"),
            ("/<any('red', \"b,l\"):a>", "/b,l", "b,l"),
            ("/<int():a>", "/7", 7),
            ("/<uuid:a>", f"/{ID}", UUID(ID)),
            ("/<path:a>", "/b//c/", "b//c/"),
            ("/<path:a>", "/b\n/c", "b\n/c"),
            ("/<path:a>/edit", "/b/edit/edit", "b/edit"),
            ("/<slug:a>", "/red-room", ["red", "room"]),
        ):
            found = self.make(pattern, slug=Slug).find(path)

            self.assertEqual(found, (pattern, {"a": value}))

    def test_many(self):
        """
        A pattern may have many parameters.
        """
        patterns = self.make("/<a>/b/<int:c>/<path:d>/<class>")

        found = patterns.find("/1/b/2/3/4/5")

        assert found is not None
        self.assertEqual(found[1], {"a": "1", "c": 2, "d": "3/4", "class": "5"})

    def test_otherValues(self):
        """
        What a converter does not take is not there.
        """
        for pattern, path in (
            ("/<a>", "/"),
            ("/<a>", "/b/c"),
            ("/<string(length=2):a>", "/deu"),
            ("/<int:a>", "/-5"),
            ("/<int:a>", "/²"),
            ("/<int(max=9):a>", "/10"),
            ("/<int:a>", "/" + "1" * 5000),
            ("/<float:a>", "/1"),
            ("/<any(red, blue):a>", "/green"),
            ("/<uuid:a>", f"/{ID}0"),
            ("/<path:a>", "/"),
            ("/<path:a>", "//b"),
            ("/<slug:a>", "/red"),
        ):
            patterns = self.make(pattern, slug=Slug)

            self.assertIsNone(patterns.find(path), (pattern, path))

    def test_infinity(self):
        """
        A number with more digits than there are is none.
        """
        patterns = Patterns({})
        patterns.add("/<float:number>", "found")
        self.assertIsNotNone(patterns.find("/1.5"))
        self.assertIsNone(patterns.find(f"/{'9' * 400}.0"))

    def test_converterThatMatchesSlashes(self):
        """
        A converter may match slashes, or nothing.
        """
        patterns = self.make("/a<tail:rest>", tail=Tail)

        for path, rest in (("/a", ""), ("/a/", "/"), ("/a/b/", "/b/")):
            self.assertEqual(patterns.find(path), ("/a<tail:rest>", {"rest": rest}))
        self.assertIsNone(patterns.find("/ab"))


class OrderTests(PatternTestCase):
    """
    Which of several patterns counts.
    """

    def test_mostSpecific(self):
        """
        Text counts more than a parameter, one piece after the other from the
        left; so does a word more than a number, a number more than a string,
        and whatever else more than a path; whichever is added first.
        """
        for path, *patterns in (
            ("/1", "/1", "/<any('1'):a>", "/<int:a>", "/<a>", "/<path:a>"),
            (f"/{ID}", "/<uuid:a>", "/<a>"),
            ("/a/b", "/a/b", "/a/<b>", "/<a>/b", "/<a>/<b>", "/<path:a>"),
            ("/a/b/c", "/<a>/<b>/c", "/<path:a>/b/c", "/<path:a>/c", "/<path:a>"),
            ("/a/b/c", "/<path:a>/b/c", "/<path:a>/c", "/<path:a>"),
            ("/a.js", "/<a>.js", "/<a>s", "/<a>"),
            ("/a.js", "/a<b>", "/<a>.js", "/<a>s", "/<int:a>", "/<a>"),
            ("/red-room", "/red-<b>", "/<slug:a>", "/<a>"),
        ):
            for added in permutations(patterns[:4]):
                made = self.make(*added, *patterns[4:], slug=Slug)

                found = made.find(path)

                assert found is not None
                self.assertEqual(found[0], patterns[0])

    def test_nextOne(self):
        """
        If a converter does not take a value, the next pattern may.
        """
        patterns = self.make("/<int(max=9):a>", "/<slug:a>", "/<a>", slug=Slug)

        for path, pattern in (
            ("/9", "/<int(max=9):a>"),
            ("/10", "/<a>"),
            ("/" + "1" * 5000, "/<a>"),
            ("/red-room", "/<slug:a>"),
            ("/red", "/<a>"),
        ):
            found = patterns.find(path)
            assert found is not None
            self.assertEqual(found[0], pattern)

    def test_sameFromTheOtherSide(self):
        """
        Patterns that match no path in common may be as specific.
        """
        made = self.make(
            *("/<any(a, b):x>", "/<any(c, d):y>", "/<int:x>", "/<float:x>"),
            *("/<uuid:x>", "/a<x>", "/b<x>", "/<x>/a", "/<x>/b"),
        )

        for path, pattern in (
            ("/d", "/<any(c, d):y>"),
            ("/1", "/<int:x>"),
            ("/1.5", "/<float:x>"),
            (f"/{ID}", "/<uuid:x>"),
            ("/bb", "/b<x>"),
            ("/b/b", "/<x>/b"),
        ):
            found = made.find(path)
            assert found is not None
            self.assertEqual(found[0], pattern)


class BadPatternTests(PatternTestCase):
    """
    What is no pattern, or one too many.
    """

    def assertBad(self, pattern: Any, problem: str, *others: str) -> None:
        """
        Assert that a pattern is refused, and named, and that it leaves nothing
        behind.
        """
        patterns = self.make(*others, slug=Slug, broken=Broken)

        error = self.assertRaises(InvalidSetting, patterns.add, pattern, "bad")

        self.assertEqual(error.setting, "pattern")
        self.assertIn(repr(pattern), error.problem)
        self.assertIn(problem, error.problem)
        for path in ("/", "/a", "/1", "/a/b", "/a-b"):
            found = patterns.find(path)
            self.assertTrue(found is None or found[0] in others, path)

    def test_bad(self):
        """
        What werkzeug cannot read is refused, with the reason.
        """
        for pattern, problem in (
            ("", "does not start with '/'"),
            ("chat", "does not start with '/'"),
            ("<a>", "does not start with '/'"),
            (b"/chat", "does not start with '/'"),
            (None, "does not start with '/'"),
            ("/<", "malformed"),
            ("/<>", "malformed"),
            ("/<a", "malformed"),
            ("/<a b>", "malformed"),
            ("/<nothing:a>", "'nothing' does not exist"),
            ("/<a>/<a>", "has 'a' twice"),
            ("/<int(least=1):a>", "least"),
            ("/<string(length=x):a>", "'x'"),
            ("/<any(a/b):a>", "cannot read (a/b)"),
            ("/<any(a, b!):a>", "cannot read (a, b!)"),
            ("/<int(!):a>", "cannot read (!)"),
            ("/<None>", "None"),
            ("/<broken:a>", "missing )"),
        ):
            self.assertBad(pattern, problem)

    def test_badRange(self):
        """
        What a number is compared with is a number, so that no path finds out.
        """
        for pattern in ("/<int(max=x):n>", "/<int(min='1'):n>", "/<float(max=no):n>"):
            error = self.assertRaises(InvalidSetting, self.make, pattern)
            self.assertEqual(error.setting, "pattern")
            self.assertIn(" must be a number", str(error))
        self.assertEqual(
            self.make("/<float(min=0, max=2.5):n>").find("/0.5"),
            ("/<float(min=0, max=2.5):n>", {"n": 0.5}),
        )

    def test_badConverters(self):
        """
        Converters are classes of them, by their names.
        """
        converters: Any
        for converters in (5, [("x", BaseConverter)], {"x": int}, {"x": 5}):
            error = self.assertRaises(InvalidSetting, Patterns, converters)
            self.assertEqual(error.setting, "converters")
            self.assertIn("BaseConverter", str(error))

    def test_slow(self):
        """
        A pattern is refused that a path could keep busy, since its parameters
        could share a text in many ways.
        """
        for pattern in ("/<a><b>", "/<a>-<b>", "/a/<int:a>,<int:b>/c"):
            self.assertBad(pattern, "has two parameters without a '/' between them")
        self.assertBad(
            "/<path:a>/b/<path:c>", "has two parameters that may contain '/'"
        )

    def test_alike(self):
        """
        Two patterns are refused of which neither is more specific, and one
        would hide the other.
        """
        for pattern, other in (
            ("/a", "/a"),
            ("/<a>", "/<a>"),
            ("/<a>", "/<b>"),
            ("/<a>", "/<string:b>"),
            ("/<a>", "/<string(length=2):b>"),
            ("/a/<int:a>/b", "/a/<int(min=1):b>/b"),
            ("/<any(a, b):a>", "/<any(b, c):a>"),
            ("/<slug:a>", "/<slug:b>"),
            ("/<path:a>/b", "/<path:b>/b"),
        ):
            self.assertBad(pattern, f"matches the same paths as {other!r}", other)


class TimeTests(PatternTestCase):
    """
    No path takes longer than its length says.
    """

    def test_long(self):
        """
        A path of a million characters is looked up while one waits: whatever
        took the square of its length would take hours.
        """
        patterns = self.make(
            *("/<int:a>", "/<float:a>", "/<uuid:a>", "/<slug:a>", "/<a>-b"),
            *("/<path:a>/edit", "/a<path:a>-b/<c>/d", "/<a>/<b>/<path:c>/e"),
            *("/<path:a>/<float:b>", "/<path:a>/<int:b>/<c>/x"),
            slug=Slug,
        )
        for piece in ("a", "1", "-", "a-", "/", "/a", "/1", "/edit", "-b/", "1."):
            path = "/" + piece * (1_000_000 // len(piece)) + "\n"

            self.assertIsNone(patterns.find(path), piece)
