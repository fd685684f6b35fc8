"""
Says line by line to an echo what it is told: C{python blocking_client.py}.
"""

import sys

from txws.blocking import connect


def main(url="ws://localhost:9000/", lines=sys.stdin):
    """
    Talk, and wait for each answer.
    """
    with connect(url, timeout=10) as websocket:
        print(f"A Ping took {websocket.ping(timeout=5) * 1000:.1f} ms.")
        for line in lines:
            websocket.send(line.rstrip("\n"))
            print(websocket.receive(timeout=5))


if __name__ == "__main__":
    main(*sys.argv[1:])
