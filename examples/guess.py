"""
A game, told from beginning to end: C{twistd -n websocket --wrap guess.play}.
"""

from random import randint


async def play(websocket):
    """
    Have somebody guess a number, and close when it is guessed.
    """
    number = randint(1, 100)
    await websocket.send("I think of a number from 1 to 100.")
    async for guess in websocket:
        try:
            difference = number - int(guess)
        except ValueError:
            await websocket.send("That is no number.")
            continue
        if difference == 0:
            await websocket.send("Yes!")
            break
        await websocket.send("It is more." if difference > 0 else "It is less.")
