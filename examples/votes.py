"""
A vote, counted while it goes on: C{twistd -n websocket --wrap votes.vote}.
"""

from collections import Counter

from txws import Group, SharedWebSocketHandler


class Vote(SharedWebSocketHandler):
    """
    One object for all who vote.
    """

    def __init__(self):
        self._voters, self._votes = Group(), {}

    def negotiationFinished(self, transport):
        """
        Let somebody vote.
        """
        self._voters.add(transport)

    def textMessageReceived(self, transport, message):
        """
        Take a vote, in place of an earlier one, and tell all what leads.
        """
        self._votes[transport] = message
        ((leader, count),) = Counter(self._votes.values()).most_common(1)
        self._voters.broadcast(f"{leader}: {count} of {len(self._votes)}")

    def connectionLost(self, transport, reason):
        """
        Drop the vote of who goes.
        """
        self._votes.pop(transport, None)


vote = Vote()
