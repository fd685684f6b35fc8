"""
Adds up what the gates of C{.ci/run} have left in their logs.

C{tally.py LOGS GATE...} prints the log of each gate that failed, then what was
skipped, then one line that counts. It ends with 1 if anything failed.
"""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

SUMMARY = re.compile(r"^(?:PASSED|FAILED)(?: \((.+)\))?$", re.MULTILINE)
# Trial's section for all tests that have the same reason.
SKIPS = re.compile(
    r"^\[SKIPPED\]\n(.+?)\n\n(.+?)\n(?:={79}|-{79})$", re.MULTILINE | re.DOTALL
)
REASON = re.compile(r"^SKIPPED: (.+)$", re.MULTILINE)

PASSED = ("successes", "expectedFailures")
FAILED = ("failures", "errors", "unexpectedSuccesses")
SKIPPED = ("skips",)

CANNOT_TELL = 77


class Count(NamedTuple):
    """
    How many tests passed, failed and were skipped.
    """

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


class Gate:
    """
    What a gate has left.
    """

    def __init__(self, logs: Path, name: str) -> None:
        self.name = name
        self.log = (logs / f"{name}.log").read_text("utf-8", "replace")
        self.status = int((logs / f"{name}.status").read_text())

    @property
    def failed(self) -> bool:
        """
        Whether the gate was not passed, for whatever reason.
        """
        return self.status not in (0, CANNOT_TELL)

    def count(self) -> Count:
        """
        Count the tests that the gate ran; without any, it is a test itself.
        """
        if self.status == CANNOT_TELL:
            return Count(skipped=1)
        tests = total(countTrial(match) for match in SUMMARY.finditer(self.log))
        if self.failed and not tests.failed:
            return tests._replace(failed=1)
        return tests if any(tests) else Count(passed=1)

    def skips(self) -> Iterator[tuple[str, int]]:
        """
        Tell why something was left out, and how many times.
        """
        for reason in REASON.findall(self.log):
            yield reason, 1
        for reason, tests in SKIPS.findall(self.log):
            yield " ".join(reason.split()), len(tests.split())


def countTrial(summary: re.Match[str]) -> Count:
    """
    Count what one run of trial says about itself at its end.
    """
    numbers = dict(pair.split("=") for pair in (summary[1] or "x=0").split(", "))
    return Count(
        *(
            sum(int(numbers.get(name, 0)) for name in names)
            for names in (PASSED, FAILED, SKIPPED)
        )
    )


def total(counts: Iterable[Count]) -> Count:
    """
    Add counts.
    """
    return Count(*map(sum, zip(*counts, strict=True)))


def skipReport(gates: Iterable[Gate]) -> Iterator[str]:
    """
    Tell of each reason once, wherever it was given.
    """
    places: dict[str, Counter[str]] = defaultdict(Counter)
    for gate in gates:
        for reason, times in gate.skips():
            places[reason][gate.name] += times
    for reason, counter in places.items():
        yield f"SKIPPED {counter.total()} x ({', '.join(counter)}): {reason}"


def main(logs: Path, names: list[str]) -> int:
    """
    Print the report.

    @return: the exit status.
    """
    gates = [Gate(logs, name) for name in names]
    for gate in gates:
        if gate.failed:
            print(f"\n===== {gate.name} failed: =====\n{gate.log}")
    for line in skipReport(gates):
        print(line)
    count = total(gate.count() for gate in gates)
    print(count)
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
