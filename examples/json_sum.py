"""
JSON, for those who add: C{twistd -n websocket --wrap json_sum.add}.
"""

import json

from txws import CloseCode


class JSONConversation:
    """
    Sends and receives values.
    """

    def __init__(self, websocket):
        self._websocket = websocket

    def send(self, value):
        """
        Send a value as text; it can be awaited.
        """
        return self._websocket.send(json.dumps(value))

    async def __aiter__(self):
        async for message in self._websocket:
            yield json.loads(message)


async def add(websocket):
    """
    Answer [1, 2] with {"sum": 3}, and nonsense with a Close.
    """
    conversation = JSONConversation(websocket)
    try:
        async for numbers in conversation:
            await conversation.send({"sum": sum(numbers)})
    except (ValueError, TypeError) as error:
        await websocket.close(CloseCode.INVALID_PAYLOAD_DATA, str(error))
