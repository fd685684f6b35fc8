"""
A WebSocket in a tab of a real browser, as a script of its page sees it.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

from .browser import End
from .programs import waitUntil

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

_OPEN = """
// A script of the page's own may have named its WebSocket socket.
const socket = window.tested = new WebSocket(...arguments);
socket.binaryType = "arraybuffer";
window.messages = [];
window.end = null;
// A server may send faster than anybody asks.
socket.onmessage = ({data}) => { if (messages.length < 1000) messages.push(data); };
socket.onclose = ({code, reason, wasClean}) => { end = [code, reason, wasClean]; };
"""

_SEND_BYTES = """
tested.send(Uint8Array.from(atob(arguments[0]), (byte) => byte.charCodeAt(0)));
"""

_MESSAGES = """
return messages.map((data) => typeof data === "string"
    ? data
    : {bytes: btoa(Array.from(new Uint8Array(data), (byte) =>
        String.fromCharCode(byte)).join(""))});
"""


class BrowserSocket:
    """
    A WebSocket that a page has, as its script sees it.
    """

    def __init__(
        self,
        driver: WebDriver,
        page: str,
        url: str,
        subprotocols: tuple[str, ...] = (),
    ) -> None:
        """
        Open a page in a new tab, which connects, and wait until it is connected
        or refused.

        @param driver: the browser.
        @param page: the address of the page, which may be an error.
        @param url: where to connect.
        @param subprotocols: what is offered.
        """
        self._driver = driver
        driver.switch_to.new_window("tab")
        self._tab = driver.current_window_handle
        driver.get(page)
        self._ask(_OPEN, url, list(subprotocols))
        waitUntil(lambda: self._ask("return tested.readyState") != 0, "it is connected")

    @property
    def isOpen(self) -> bool:
        """
        Whether it is connected.
        """
        return bool(self._ask("return tested.readyState === WebSocket.OPEN"))

    @property
    def subprotocol(self) -> str:
        """
        The subprotocol in use, or C{""}.
        """
        return str(self._ask("return tested.protocol"))

    @property
    def messages(self) -> list[str | bytes]:
        """
        What was received first, up to 1,000 messages.
        """
        return [
            message if isinstance(message, str) else b64decode(message["bytes"])
            for message in self._ask(_MESSAGES)
        ]

    @property
    def end(self) -> End | None:
        """
        How the connection ended, or L{None}.
        """
        end = self._ask("return end")
        return None if end is None else End(*end)

    def send(self, *messages: str | bytes) -> None:
        """
        Send text or binary messages.
        """
        for message in messages:
            if isinstance(message, str):
                self._ask("tested.send(arguments[0])", message)
            else:
                self._ask(_SEND_BYTES, b64encode(message).decode())

    def receive(self, count: int) -> list[str | bytes]:
        """
        Wait for so many messages, in all.
        """
        waitUntil(
            lambda: len(self.messages) >= count or self.end is not None,
            f"{count} messages are received",
        )
        return self.messages[:count]

    def close(self, code: int = 1000, reason: str = "") -> End:
        """
        Close the connection.

        @return: how it ended.
        """
        self._ask("tested.close(...arguments)", code, reason)
        return self.waitUntilClosed()

    def waitUntilClosed(self) -> End:
        """
        Wait until the connection is closed.

        @return: how it ended.
        """
        waitUntil(lambda: self.end is not None, "the connection is closed")
        end = self.end
        assert end is not None
        return end

    def _ask(self, script: str, *arguments: object) -> Any:
        self._driver.switch_to.window(self._tab)
        return self._driver.execute_script(script, *arguments)
