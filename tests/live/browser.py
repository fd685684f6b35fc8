"""
A real browser on the demo of C{twistd websocket}: the server in a process of its
own, and its page in tabs of a headless Chromium.

Everything here blocks, with a limit on every wait: the server is another process,
so no reactor has to run in this one.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver
    from selenium.webdriver.remote.webelement import WebElement

ROOT = Path(__file__).resolve().parents[2]

# Seconds that a process gets to start, and that anything else may take.
START_TIMEOUT = 20.0
WAIT_TIMEOUT = 10.0

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

# What the twistd script does, for the interpreter that runs the tests. A shell lets
# what it starts in the background ignore SIGINT; the server then would, too.
TWISTD = """
import signal
from twisted.scripts.twistd import run
signal.signal(signal.SIGINT, signal.default_int_handler)
run()
"""


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
            "TXWS_LIVE=1 IS SET, BUT THE DEMO IS NOT TESTED IN A BROWSER: install "
            + " and ".join(missing)
        )
    return None


def waitUntil(
    question: Callable[[], object], what: str, timeout: float = WAIT_TIMEOUT
) -> None:
    """
    Return as soon as C{question} answers with something true.

    @param question: called again and again.
    @param what: what is waited for, in words.
    @param timeout: how many seconds to wait.
    @raise AssertionError: if it does not happen in time.
    """
    deadline = time.monotonic() + timeout
    while not question():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} seconds: {what}")
        time.sleep(0.02)


def freePort() -> int:
    """
    Find a TCP port of the loopback interface that nobody listens on.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class DemoServer:
    """
    The demo, run by C{twistd -n websocket} in a process of its own.
    """

    def __init__(self, directory: Path) -> None:
        """
        Start the server, and wait until it listens.

        @param directory: where its log goes.
        """
        self.port = freePort()
        self._log = directory / "twistd.log"
        service = ["websocket", "--port", f"tcp:{self.port}:interface=127.0.0.1"]
        searched = os.pathsep.join(
            filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])
        )
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", TWISTD, "-n", "--pidfile=", *service],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": searched},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            waitUntil(self._isListening, "the server listens", START_TIMEOUT)
        except BaseException:
            self.kill()
            raise

    @property
    def address(self) -> str:
        """
        The URL of the page.
        """
        return f"http://127.0.0.1:{self.port}/"

    @property
    def log(self) -> str:
        """
        All that the server has logged.
        """
        return self._log.read_text(errors="replace")

    def stop(self, signalNumber: int) -> None:
        """
        Send a signal, and wait for the process to end.

        @raise subprocess.TimeoutExpired: if it goes on.
        """
        self._process.send_signal(signalNumber)
        self._process.wait(WAIT_TIMEOUT)

    def kill(self) -> None:
        """
        End the process at once, if it still runs.
        """
        self._process.kill()
        self._process.wait()

    def _isListening(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"the server ended instead of listening:\n{self.log}")
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def startBrowser(profile: Path) -> WebDriver:
    """
    Start a headless Chromium that has never seen anything.

    @param profile: a directory for its profile, new and empty.
    """
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (*CHROMIUM_FLAGS, f"--user-data-dir={profile}"):
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
