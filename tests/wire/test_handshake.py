"""
Tests for L{txws.wire.handshake}.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txws.wire.extensions import ExtensionOffer
from txws.wire.handshake import (
    VERSION,
    acceptKey,
    isKey,
    parseExtensions,
    parseTokens,
    serializeExtensions,
)


class KeyTests(SynchronousTestCase):
    """
    Keys are 16 bytes in base64, and prove that the server speaks WebSocket.
    """

    def test_accept(self):
        """
        The RFC's example comes out, RFC 6455 section 1.3.
        """
        self.assertEqual(
            acceptKey("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        )

    def test_version(self):
        """
        The version is the one of RFC 6455.
        """
        self.assertEqual(VERSION, "13")

    def test_keys(self):
        """
        Any 16 bytes make a key.
        """
        for key in (bytes(16), b"\xff" * 16, bytes(range(16)), b"the sample nonce"):
            self.assertTrue(isKey(b64encode(key).decode()), key)

    def test_notKeys(self):
        """
        Fewer bytes, more bytes and other characters make none.
        """
        for key in (
            "",
            b64encode(bytes(15)).decode(),
            b64encode(bytes(17)).decode(),
            b64encode(bytes(18)).decode(),
            "dGhlIHNhbXBsZSBub25jZQ==\n",
            "dGhlIHNhbXBsZSBub25jZQ== ",
            " dGhlIHNhbXBsZSBub25jZQ==",
            "dGhlIHNhbXBsZSBub25jZQ=",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25jZR==",
            "dGhlIHNhbXBsZSBub25jZ_==",
            "dGhlIHNhbXBsZSBub25jé===",
            "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
        ):
            self.assertFalse(isKey(key), key)


class TokensTests(SynchronousTestCase):
    """
    Lists of tokens are parsed as RFC 9110 section 5.6.1 has it.
    """

    def test_tokens(self):
        """
        Tokens are kept as they were sent, from all fields, without the blanks
        around them and the empty elements between them.
        """
        for values, tokens in (
            ([], []),
            ([""], []),
            ([" ,\t,, "], []),
            (["chat"], ["chat"]),
            (["Chat, superchat"], ["Chat", "superchat"]),
            (["a,b", "c", "", "d ,e"], ["a", "b", "c", "d", "e"]),
            ([",a, ,b,\t"], ["a", "b"]),
            (["!#$%&'*+-.^_`|~09azAZ"], ["!#$%&'*+-.^_`|~09azAZ"]),
        ):
            self.assertEqual(parseTokens(values), tokens)

    def test_notTokens(self):
        """
        Anything else in the list is named and refused.
        """
        for value, element in (
            ("a b", "a b"),
            ("a, b;c", "b;c"),
            ('"a"', '"a"'),
            ("a=b", "a=b"),
            ("é", "é"),
            ("a\x85", "a\x85"),
            ("\xa0a", "\xa0a"),
            ("a\x0b", "a\x0b"),
            ("a\r\nb", "a\r\nb"),
            ("\x00", "\x00"),
        ):
            error = self.assertRaises(ValueError, parseTokens, ["ok", value])
            self.assertEqual(str(error), f"{element!r} is not a token")

    def test_manyCommas(self):
        """
        A header full of commas is an empty list.
        """
        self.assertEqual(parseTokens(["," * 10000, " ," * 10000]), [])


class ParseExtensionsTests(SynchronousTestCase):
    """
    Extensions are parsed as RFC 6455 section 9.1 has it.
    """

    def test_extensions(self):
        """
        Names, parameters and values are found, whatever blanks are between
        them and in whichever fields they are.
        """
        for values, offers in (
            ([], []),
            ([""], []),
            ([" , ,\t"], []),
            (["foo"], [("foo", ())]),
            (["foo, bar"], [("foo", ()), ("bar", ())]),
            (["foo", "bar"], [("foo", ()), ("bar", ())]),
            ([",foo,,bar,"], [("foo", ()), ("bar", ())]),
            (["foo; a"], [("foo", (("a", None),))]),
            (["foo;a;b=1"], [("foo", (("a", None), ("b", "1")))]),
            (["\tfoo\t;\ta\t=\t1\t"], [("foo", (("a", "1"),))]),
            (["foo; a=1; a=2"], [("foo", (("a", "1"), ("a", "2")))]),
            (
                ["permessage-deflate; client_max_window_bits, permessage-deflate"],
                [
                    ("permessage-deflate", (("client_max_window_bits", None),)),
                    ("permessage-deflate", ()),
                ],
            ),
        ):
            parsed = parseExtensions(values)
            self.assertEqual(parsed, offers)
            self.assertEqual(
                [type(each) for each in parsed], [ExtensionOffer] * len(offers)
            )

    def test_quoted(self):
        """
        A quoted value means the same as the token inside.
        """
        for value in ('foo;a="10"', 'foo; a = "10" ', 'foo;a="1\\0"', 'foo;a="\\1\\0"'):
            self.assertEqual(parseExtensions([value]), [("foo", (("a", "10"),))])
        self.assertEqual(
            parseExtensions(['foo;a="1";b="2" ,bar']),
            [("foo", (("a", "1"), ("b", "2"))), ("bar", ())],
        )

    def test_case(self):
        """
        Names are in lower case, values as they were sent.
        """
        self.assertEqual(
            parseExtensions(["FOO; Bar=Baz"]), [("foo", (("bar", "Baz"),))]
        )

    def test_malformed(self):
        """
        What does not keep the grammar is refused, and where it stops to is
        told.
        """
        for value, explanation in (
            ("foo bar", "unexpected 'b' at character 4"),
            (";", "unexpected ';' at character 0"),
            ("foo;", "unexpected 'the end' at character 4"),
            ("foo; ", "unexpected 'the end' at character 5"),
            ("foo;;a", "unexpected ';' at character 4"),
            ("foo;,bar", "unexpected ',' at character 4"),
            ("foo=1", "unexpected '=' at character 3"),
            ("foo;a=", "unexpected 'the end' at character 6"),
            ("foo;a=;b", "unexpected ';' at character 6"),
            ("foo;=1", "unexpected '=' at character 4"),
            ("foo;a=1 2", "unexpected '2' at character 8"),
            ('foo;a="1"2', "unexpected '2' at character 9"),
            ('foo;a="1""2"', "unexpected '\"' at character 9"),
            ('foo;"a"', "unexpected '\"' at character 4"),
            ('"foo"', "unexpected '\"' at character 0"),
            ("föö", "unexpected 'ö' at character 1"),
            ("foo\x85", "unexpected '\\x85' at character 3"),
            ("foo\x0b", "unexpected '\\x0b' at character 3"),
            ("foo\\", "unexpected '\\\\' at character 3"),
            ('foo;a="', "a quoted string does not end"),
            ('foo;a="1', "a quoted string does not end"),
            ('foo;a="1\\', "a quoted string does not end"),
            ('foo;a="1\\"', "a quoted string does not end"),
            ('foo;a="\\', "a quoted string does not end"),
            ('foo;a=""', "a quoted parameter is not a token"),
            ('foo;a="1 2"', "a quoted parameter is not a token"),
            ('foo;a="1,2"', "a quoted parameter is not a token"),
            ('foo;a="\\""', "a quoted parameter is not a token"),
            ('foo;a="\\\\"', "a quoted parameter is not a token"),
        ):
            error = self.assertRaises(ValueError, parseExtensions, ["ok", value])
            self.assertEqual(str(error), explanation, value)

    def test_hostile(self):
        """
        A header of the size that a head may have is parsed or refused, and
        nothing else.
        """
        self.assertEqual(parseExtensions(["," * 10000]), [])
        self.assertEqual(parseExtensions(["a," * 10000]), [("a", ())] * 10000)
        (offer,) = parseExtensions(["a" + ";b" * 10000])
        self.assertEqual(offer.parameters, (("b", None),) * 10000)
        self.assertEqual(
            parseExtensions(['a;b="' + "\\c" * 10000 + '"']),
            [("a", (("b", "c" * 10000),))],
        )
        for value in (";" * 10000, "a;" * 10000, '"' * 10000, 'a;b="' + "\\" * 9999):
            self.assertRaises(ValueError, parseExtensions, [value])


class SerializeExtensionsTests(SynchronousTestCase):
    """
    Extensions are written as they are parsed.
    """

    def test_serialize(self):
        """
        Names, parameters and values are where RFC 6455 section 9.1 wants them.
        """
        for offers, value in (
            ([], ""),
            ([ExtensionOffer("foo")], "foo"),
            ([ExtensionOffer("foo", [("a", None), ("b", "1")])], "foo; a; b=1"),
            (
                [ExtensionOffer("foo", [("a", "b")]), ExtensionOffer("bar")],
                "foo; a=b, bar",
            ),
        ):
            self.assertEqual(serializeExtensions(offers), value)

    def test_unfit(self):
        """
        What nobody could parse is not written: names and values have to be
        tokens.
        """
        wrong: tuple[Any, ...] = (
            "",
            "a b",
            "a, b",
            "a;b",
            'a"b',
            "a\r\nb",
            "ä",
            1,
            b"a",
        )
        for each in wrong:
            for offer in (
                ExtensionOffer(each),
                ExtensionOffer("foo", [(each, None)]),
                ExtensionOffer("foo", [("a", each)]),
            ):
                with self.assertRaises(ValueError) as caught:
                    serializeExtensions([ExtensionOffer("ok"), offer])
                said = f"Sec-WebSocket-Extensions: {each!r} is not a token"
                self.assertEqual(str(caught.exception), said)

    def test_roundTrip(self):
        """
        What is written is what is read.
        """
        offers = [
            ExtensionOffer("foo", (("a", None), ("b", "1"))),
            ExtensionOffer("foo", ()),
            ExtensionOffer("bar", (("c", "x-2"),)),
        ]
        self.assertEqual(parseExtensions([serializeExtensions(offers)]), offers)
