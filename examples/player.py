"""
Plays the game of guess.py: C{python player.py ws://localhost:9000/}.
"""

import sys

from twisted.internet.task import react

from txws import connect


async def main(reactor, url="ws://localhost:9000/"):
    """
    Halve what is left, until the server says yes.
    """
    low, high = 1, 100
    async with await connect(reactor, url) as websocket:
        print(await websocket.receive())
        answer = ""
        while answer != "Yes!":
            guess = (low + high) // 2
            await websocket.send(str(guess))
            answer = await websocket.receive()
            print(f"{guess}? {answer}")
            if answer == "It is more.":
                low = guess + 1
            else:
                high = guess - 1


if __name__ == "__main__":
    react(main, sys.argv[1:])
