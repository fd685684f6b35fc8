"""
A real browser: a headless Chromium with the page of the demo of C{twistd websocket}
in its tabs.

Everything here blocks, with a limit on every wait: servers are other processes, so
no reactor has to run in this one.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .programs import WAIT_TIMEOUT, waitUntil

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver
    from selenium.webdriver.remote.webelement import WebElement

# Without the flags about the background, Chromium calls home at every start.
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def whySkipped() -> str | None:
    """
    Tell why no browser is to be driven here, or L{None} if one is.
    """
    if os.environ.get("TXWS_LIVE") != "1":
        return "The live tests run if TXWS_LIVE=1 is set."
    programs = ("chromium", "chromedriver")
    missing = [name for name in programs if shutil.which(name) is None]
    if importlib.util.find_spec("selenium") is None:
        missing.append("selenium")
    if missing:
        return (
            "TXWS_LIVE=1 IS SET, BUT NOTHING IS TESTED IN A BROWSER: install "
            + " and ".join(missing)
        )
    return None


def startBrowser(profile: Path, *flags: str) -> WebDriver:
    """
    Start a headless Chromium that has never seen anything.

    @param profile: a directory for its profile, new and empty.
    @param flags: what else it is told.
    """
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (*CHROMIUM_FLAGS, *flags, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(
        options=options, service=ChromeService(shutil.which("chromedriver"))
    )
    driver.set_page_load_timeout(WAIT_TIMEOUT)
    driver.set_script_timeout(WAIT_TIMEOUT)
    return driver


class Entry(NamedTuple):
    """
    One line of a page's wire log.
    """

    direction: str
    kind: str
    size: str
    payload: str
    note: str

    @property
    def data(self) -> bytes:
        """
        The bytes of a binary message, read back from its hex dump.
        """
        digits = (line.split("  ")[1] for line in self.payload.splitlines())
        return bytes.fromhex(" ".join(digits))


@dataclass(frozen=True)
class End:
    """
    How a connection ended, as the page tells it.
    """

    code: int
    reason: str
    wasClean: bool


_ENTRIES = """
return Array.from(document.querySelectorAll(`#${arguments[0]}-log li`), (entry) => [
    entry.dataset.direction,
    entry.dataset.kind,
    entry.dataset.size,
    entry.querySelector(".payload").textContent,
    entry.querySelector(".note")?.textContent ?? "",
]);
"""

_CONVERSATION = """
return Array.from(document.querySelectorAll("#chat-conversation li"), (item) =>
    item.classList.contains("said")
        ? Array.from(item.children, (part) => part.textContent).join(": ")
        : item.textContent);
"""

_MEMBERS = """
return Array.from(
    document.querySelectorAll("#chat-members li"), (item) => item.dataset.name);
"""


class Page:
    """
    The demo's page in a tab of its own, on one of its services.
    """

    def __init__(self, driver: WebDriver, address: str, service: str) -> None:
        """
        Open the page in a new tab.

        @param address: where the server is.
        @param service: C{"echo"} or C{"chat"}.
        """
        self._driver = driver
        self._service = service
        driver.switch_to.new_window("tab")
        self._tab = driver.current_window_handle
        driver.get(f"{address}#{service}")

    @property
    def title(self) -> str:
        """
        The title of the document.
        """
        return self._inTab().title

    @property
    def state(self) -> str | None:
        """
        C{"idle"}, C{"connecting"}, C{"open"}, C{"closing"} or C{"closed"}.
        """
        return self._part("strip").get_attribute("data-state")

    @property
    def entries(self) -> list[Entry]:
        """
        The wire log.
        """
        return [Entry(*row) for row in self._ask(_ENTRIES, self._service)]

    @property
    def conversation(self) -> list[str]:
        """
        The lines of the chat.
        """
        return list(self._ask(_CONVERSATION))

    @property
    def members(self) -> list[str]:
        """
        The names of the chat's members.
        """
        return list(self._ask(_MEMBERS))

    @property
    def end(self) -> End:
        """
        How the last connection ended.
        """
        ended = self._part("ended")
        code, reason, clean = (
            ended.get_attribute(f"data-{name}") for name in ("code", "reason", "clean")
        )
        return End(int(code or 0), reason or "", clean == "true")

    @property
    def endTitle(self) -> str:
        """
        The headline under which the page tells how the last connection ended.
        """
        return self._part("ended-title").text

    def connect(self) -> None:
        """
        Connect, and wait until the connection is open.
        """
        self._part("connect").click()
        waitUntil(
            lambda: self.state == "open", f"the {self._service} page is connected"
        )

    def disconnect(self, code: int, reason: str) -> None:
        """
        Close the connection, and wait until it is closed.
        """
        self._fill("close-code", str(code))
        self._fill("close-reason", reason)
        self._part("disconnect").click()
        self.waitUntilClosed()

    def waitUntilClosed(self) -> None:
        """
        Wait until the connection is closed.
        """
        waitUntil(
            lambda: self.state == "closed",
            f"the connection of the {self._service} page is closed",
        )

    def closeTab(self) -> None:
        """
        Close the tab, which closes the connection too.
        """
        self._inTab().close()

    def send(self, field: str, value: str, button: str) -> None:
        """
        Fill in a field and press the button beside it.

        @param field: the id of the field, without the service's name.
        @param value: what to write into it.
        @param button: the id of the button, likewise.
        """
        self._fill(field, value)
        self._part(button).click()

    def received(self, kind: str) -> Entry:
        """
        Wait for a message from the server.

        @param kind: C{"text"} or C{"binary"}.
        @return: the last one.
        """

        def found() -> list[Entry]:
            return [entry for entry in self.entries if entry[:2] == ("received", kind)]

        waitUntil(found, f"a {kind} message is received")
        return found()[-1]

    def _inTab(self) -> WebDriver:
        self._driver.switch_to.window(self._tab)
        return self._driver

    def _part(self, name: str) -> WebElement:
        return self._inTab().find_element("id", f"{self._service}-{name}")

    def _ask(self, script: str, *arguments: object) -> Any:
        return self._inTab().execute_script(script, *arguments)

    def _fill(self, name: str, value: str) -> None:
        # ChromeDriver types no character beyond U+FFFF.
        self._ask("arguments[0].value = arguments[1]", self._part(name), value)
