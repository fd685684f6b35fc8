"""
Tests for L{txws.authentication}.
"""

from __future__ import annotations

from base64 import b64decode
from hashlib import md5, sha256

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txws.authentication import (
    Challenge,
    Credentials,
    answerBasic,
    answerChallenge,
    isStale,
    parseChallenges,
)
from txws.errors import InvalidSetting
from txws.wire.http import serializeHead

MUFASA = Credentials("Mufasa", "Circle of Life")
OLDER = Credentials("Mufasa", "Circle Of Life")
JASON = Credentials("J\u00e4s\u00f8n Doe", "Secret, or not?")

# RFC 7616 section 3.9.1, where it is written like this.
NONCE = b64decode("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
REALM = 'realm="http-auth@example.org"'
ASKED = (
    f'{REALM}, qop="auth, auth-int", '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
SHA_256 = f"Digest {ASKED}, algorithm=SHA-256"
MD5 = f"Digest {ASKED}, algorithm=MD5"

# What headers are made of, right and wrong.
PIECES = (
    *("Digest ", "Basic ", "realm=", "nonce=", "qop=", "auth", "userhash=", "true"),
    *("algorithm=", "MD5", '"', ", ", "\\", "=", "\xe9", "\n", "a"),
)

stable = settings(deadline=None, derandomize=True, max_examples=200, database=None)


def answer(*challenges, credentials=MUFASA, target="/dir/index.html"):
    """
    Answer challenges to a GET.
    """
    return answerChallenge(challenges, credentials, "GET", target, lambda: NONCE)


def fieldsOf(answered):
    """
    Parse an answer by Digest.
    """
    scheme, _, fields = answered.partition(" ")
    assert scheme == "Digest", answered
    (challenge,) = parseChallenges([f"Digest {fields}"])
    return challenge.parameters


class CredentialsTests(SynchronousTestCase):
    """
    Tests for L{Credentials}.
    """

    def test_hidden(self):
        """
        A password does not get into logs.
        """
        self.assertEqual(repr(MUFASA), "Credentials(username='Mufasa')")

    def test_text(self):
        """
        Both are text, and an error does not show them.
        """
        for username, password in (
            (b"aladdin", "sesame"),
            ("aladdin", b"sesame"),
            ("aladdin", None),
            ("aladdin", "sesame\ud800"),
        ):
            error = self.assertRaises(InvalidSetting, Credentials, username, password)
            self.assertEqual(error.setting, "credentials")
            self.assertNotIn("sesame", str(error))


class BasicTests(SynchronousTestCase):
    """
    Tests for RFC 7617.
    """

    def test_example(self):
        """
        The example of section 2 is answered as it is there.
        """
        self.assertEqual(
            answer(
                'Basic realm="WallyWorld"',
                credentials=Credentials("Aladdin", "open sesame"),
            ),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        )

    def test_unicode(self):
        """
        The example of section 2.1, with a pound sign, is answered in UTF-8.
        """
        self.assertEqual(
            answer(
                'Basic realm="foo", charset="UTF-8"',
                credentials=Credentials("test", "123\u00a3"),
            ),
            "Basic dGVzdDoxMjPCow==",
        )

    def test_notEncodable(self):
        """
        A user with a colon, or control characters, cannot be said and is not.
        """
        for username, password in (("a:b", "c"), ("a\n", "b"), ("a", "b\x7f")):
            credentials = Credentials(username, password)
            self.assertIsNone(answerBasic(credentials), credentials)
            self.assertIsNone(answer("Basic", credentials=credentials))

    def test_unasked(self):
        """
        It can be said before it is asked for; a password may have colons.
        """
        self.assertEqual(answerBasic(Credentials("a", "b:c")), "Basic YTpiOmM=")


class DigestTests(SynchronousTestCase):
    """
    Tests for RFC 7616.
    """

    def test_sha256(self):
        """
        The example of section 3.9.1 is answered as it is there.
        """
        self.assertEqual(
            answer(SHA_256),
            'Digest username="Mufasa", realm="http-auth@example.org", '
            'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
            'uri="/dir/index.html", response="753927fa0e85d155564e2e272a28d180'
            '2ca10daf4496794697cf8db5856cb6c1", algorithm=SHA-256, '
            'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", qop=auth, '
            'nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"',
        )

    def test_md5(self):
        """
        The other example of section 3.9.1 too.
        """
        fields = fieldsOf(answer(MD5))
        self.assertEqual(fields["response"], "8ca523f5e9506fed4657c9700eebdbec")
        self.assertEqual(fields["algorithm"], "MD5")

    def test_rfc2617(self):
        """
        The example of RFC 2617 section 3.5, without an algorithm, is answered
        as it is there.
        """
        asked = (
            'Digest realm="testrealm@host.com", qop="auth,auth-int", '
            'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
            'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
        )
        answered = answerChallenge(
            [asked],
            OLDER,
            "GET",
            "/dir/index.html",
            lambda: b64decode("0a4f113b"),
        )
        fields = fieldsOf(answered)
        self.assertEqual(fields["response"], "6629fae49393a05397450978507c4ef1")
        self.assertEqual(fields["cnonce"], "0a4f113b")
        self.assertNotIn("algorithm", fields)

    def test_rfc2069(self):
        """
        A server that knows of no quality of protection gets the answer of RFC
        2069 section 2.4, as its erratum 749 has it.
        """
        fields = fieldsOf(
            answer(
                'Digest realm="testrealm@host.com", '
                'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
                'opaque="5ccc069c403ebaf9f0171e9517f40e41"',
                credentials=Credentials("Mufasa", "CircleOfLife"),
            )
        )
        self.assertEqual(fields["response"], "1949323746fe6a43ef61f9606e7febea")
        self.assertFalse({"qop", "nc", "cnonce"} & set(fields))

    def test_session(self):
        """
        The secret of a session has both nonces in it, section 3.4.2.
        """
        for algorithm, function in (("MD5-sess", md5), ("SHA-256-sess", sha256)):
            fields = fieldsOf(answer(f'{MD5[:-3]}"{algorithm.upper()}"'))

            def hashed(*parts, function=function):
                return function(":".join(parts).encode()).hexdigest()

            secret = hashed(
                hashed("Mufasa", "http-auth@example.org", "Circle of Life"),
                fields["nonce"],
                fields["cnonce"],
            )
            self.assertEqual(
                fields["response"],
                hashed(
                    secret,
                    fields["nonce"],
                    "00000001",
                    fields["cnonce"],
                    "auth",
                    hashed("GET", "/dir/index.html"),
                ),
            )
            self.assertEqual(fields["algorithm"], algorithm)

    def test_userHash(self):
        """
        A server that does not want the username in the clear gets its hash,
        section 3.4.4.
        """
        fields = fieldsOf(answer(f"{SHA_256}, userhash=TRUE", credentials=JASON))
        name = "J\u00e4s\u00f8n Doe:http-auth@example.org".encode()
        self.assertEqual(fields["username"], sha256(name).hexdigest())
        self.assertEqual(fields["userhash"], "true")

    def test_unicodeUsername(self):
        """
        A username that does not fit into a quoted string is percent-encoded,
        section 3.4.
        """
        fields = fieldsOf(answer(SHA_256, credentials=JASON))
        self.assertEqual(fields["username*"], "UTF-8''J%C3%A4s%C3%B8n%20Doe")
        self.assertNotIn("username", fields)
        self.assertNotIn("userhash", fields)

    def test_quoting(self):
        """
        Quotes in a username, a realm or an opaque value stay inside.
        """
        fields = fieldsOf(
            answer(
                r'Digest realm="a \"b\" \\", nonce=n, opaque="\"", qop=auth',
                credentials=Credentials('x", uri="/y\\', "z"),
            )
        )
        self.assertEqual(fields["username"], 'x", uri="/y\\')
        self.assertEqual(fields["realm"], 'a "b" \\')
        self.assertEqual(fields["opaque"], '"')
        self.assertEqual(fields["uri"], "/dir/index.html")

    def test_notAnswerable(self):
        """
        What is incomplete, unknown or would need a body is passed over.
        """
        for challenge in (
            'Digest realm="r", qop="auth"',
            'Digest nonce="n", qop="auth"',
            'Digest realm="r", nonce="n", qop="auth-int"',
            'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-512-256',
            'Digest realm="r", nonce="n", algorithm=MD5-sess',
            "Digest",
            "Negotiate",
            "NTLM TlRMTVNTUAACAAAA==",
            'Bearer realm="r"',
            "",
        ):
            self.assertIsNone(answer(challenge), challenge)

    def test_stale(self):
        """
        A nonce that was only too old is told from a wrong password.
        """
        self.assertTrue(isStale(["Negotiate", f"{MD5}, stale=TRUE"]))
        self.assertFalse(isStale([f"{MD5}, stale=false"]))
        self.assertFalse(isStale([MD5, 'Basic realm="r", stale=true']))


class ChoiceTests(SynchronousTestCase):
    """
    Which challenge is answered.
    """

    def test_best(self):
        """
        The best one, wherever it stands: SHA-256, then MD5, then Basic.
        """
        basic = 'Basic realm="r"'
        for challenges, best in (
            ([basic, MD5, SHA_256], "algorithm=SHA-256"),
            ([f"{basic}, {MD5}, {SHA_256}"], "algorithm=SHA-256"),
            ([f"{SHA_256}-sess", SHA_256], "algorithm=SHA-256,"),
            ([f"{basic}, {MD5}"], "algorithm=MD5"),
            (["NTLM", basic], "Basic "),
            (["Digest realm=r", basic], "Basic "),
        ):
            self.assertIn(best, answer(*challenges), challenges)


class ParseTests(SynchronousTestCase):
    """
    Tests for L{parseChallenges}.
    """

    def test_parsed(self):
        """
        Several challenges stand in one header or in many, RFC 9110 section
        11.6.1.
        """
        for values, parsed in (
            ([], []),
            (["", " ,, "], []),
            (["Basic"], [Challenge("basic", {})]),
            (["Basic "], [Challenge("basic", {})]),
            (
                ["BASIC , Negotiate"],
                [Challenge("basic", {}), Challenge("negotiate", {})],
            ),
            (
                ['Basic realm="simple", New realm="apps", type=1, title="a \\"b\\""'],
                [
                    Challenge("basic", {"realm": "simple"}),
                    Challenge("new", {"realm": "apps", "type": "1", "title": 'a "b"'}),
                ],
            ),
            (
                ["NTLM abc==, Basic REALM = x"],
                [Challenge("ntlm", {}), Challenge("basic", {"realm": "x"})],
            ),
            (["A b=", "A b"], [Challenge("a", {})] * 2),
            (['A  b=c\t,, d="e, f" ,'], [Challenge("a", {"b": "c", "d": "e, f"})]),
            (["A b=c,D"], [Challenge("a", {"b": "c"}), Challenge("d", {})]),
        ):
            self.assertEqual(parseChallenges(values), parsed, values)

    def test_malformed(self):
        """
        Of a malformed header what stands before the mistake is kept, but for
        the last challenge, which may be incomplete; other headers are not
        touched.
        """
        for value in (
            "Basic realm=r, Digest realm=a, realm=b",
            'Basic realm=r, Digest realm="a',
            "Basic realm=r, Digest realm=a nonce=b",
            'Basic realm=r, Digest realm=a, nonce="b" c',
            'Basic realm=r, Digest realm="a\x00"',
        ):
            self.assertEqual(
                parseChallenges([value, "Other"]),
                [Challenge("basic", {"realm": "r"}), Challenge("other", {})],
                value,
            )
        for value in ("Basic realm=r, Digest a b c", "Basic realm=r, @"):
            self.assertEqual(parseChallenges([value]), [], value)
        for value in ("realm=r", "@", '"', "=", "Basic\trealm=r"):
            self.assertEqual(parseChallenges([value]), [], value)

    @stable
    @given(
        st.lists(
            st.text() | st.lists(st.sampled_from(PIECES)).map("".join),
            max_size=3,
        ),
        st.text(st.characters(codec="utf-8")),
        st.text(st.characters(codec="utf-8")),
    )
    def test_hostile(self, values, username, password):
        """
        Whatever is asked, nothing is raised, and an answer fits into a header.
        """
        credentials = Credentials(username, password)
        answered = answer(*values, credentials=credentials)
        if answered is not None:
            serializeHead("GET / HTTP/1.1", [("Authorization", answered)])

    @stable
    @given(
        st.text(st.characters(min_codepoint=32, max_codepoint=126)),
        st.text(st.characters(min_codepoint=32, max_codepoint=126)),
    )
    def test_roundTrip(self, realm, nonce):
        """
        Whatever is in a challenge is said back in the answer.
        """

        def quoted(text):
            return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

        fields = fieldsOf(
            answer(f"Digest realm={quoted(realm)}, nonce={quoted(nonce)}")
        )
        self.assertEqual((fields["realm"], fields["nonce"]), (realm, nonce))

    def test_linear(self):
        """
        The time that a long header takes grows with its length only.
        """
        size = 200_000
        for value in (
            "a" * size,
            "a " * size,
            "a" + " " * size + "b",
            "a " * 2 + '="' + "\\a" * size,
            "," * size,
            "a b=" + "=" * size,
            'a b="' + " " * size,
        ):
            parseChallenges([value])
