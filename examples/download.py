"""
Files of this folder: C{twistd -n websocket --wrap download.Download}.
"""

from pathlib import Path

from txws import WebSocketHandler

FILES = {path.name: path for path in Path(__file__).parent.glob("*.py")}


def pieces(path):
    """
    Read a file, 64 KiB at a time.
    """
    with path.open("rb") as file:
        while piece := file.read(65536):
            yield piece


class Download(WebSocketHandler):
    """
    Sends the files that it is asked for, one after the other.
    """

    async def textMessageReceived(self, name):
        """
        Send a file as fast as it is read, and look at the next name then.
        """
        if name in FILES:
            await self.transport.sendStream(pieces(FILES[name]))
        else:
            self.transport.loseConnection(4004, "no such file")
