"""
uWebSockets, through socketify.
"""

from __future__ import annotations

import sys
from typing import Any

from serving import HOST, LARGEST, announce
from socketify import App, CompressOptions, OpCode

TOPIC = "all"


def echo(websocket: Any, message: Any, opcode: Any) -> None:
    """
    Send back what comes.
    """
    websocket.send(message, opcode)


def compressed(websocket: Any, message: Any, opcode: Any) -> None:
    """
    Send back what comes, compressed.
    """
    websocket.send(message, opcode, compress=True)


def join(websocket: Any) -> None:
    """
    Become one of all.
    """
    websocket.subscribe(TOPIC)


def main(work: str) -> None:
    """
    Serve.
    """
    app = App()

    def tellAll(websocket: Any, message: Any, opcode: Any) -> None:
        app.publish(TOPIC, message, OpCode.TEXT)

    behaviors = {"broadcast": tellAll, "deflate": compressed}
    options: dict[str, Any] = {
        "compression": CompressOptions.DISABLED,
        "max_payload_length": LARGEST,
        "max_backpressure": 4 * LARGEST,
        # It sends Pings of its own accord, in time for this one.
        "idle_timeout": 60,
        "message": behaviors.get(work, echo),
    }
    if work == "broadcast":
        options["open"] = join
    if work == "deflate":
        options["compression"] = CompressOptions.DEDICATED_COMPRESSOR_4KB
    app.ws("/*", options)
    app.listen(
        {"port": 0, "host": HOST}, lambda listening: announce(app_port(listening))
    )
    app.run()


def app_port(listening: Any) -> int:
    """
    Find the port: socketify tells it in place of the settings.
    """
    return int(getattr(listening, "port", listening))


if __name__ == "__main__":
    main(*sys.argv[1:])
