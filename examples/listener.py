"""A subscriber for trying the bus: prints each event that it receives.

`python3 examples/listener.py 8099` listens on that port of this machine.
"""

import argparse
import json
from http.server import BaseHTTPRequestHandler, HTTPServer


class Listener(BaseHTTPRequestHandler):
    """Prints what is posted to it."""

    def do_POST(self) -> None:
        """Takes an event."""
        event = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(204)
        self.end_headers()
        parts = [event[name] for name in ("payload", "enrichment") if name in event]
        print("received", event["type"], *map(json.dumps, parts), flush=True)

    def log_message(self, *_: object) -> None:
        """Logs nothing about the requests themselves."""


def main() -> None:
    """Listens until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int, help="the port on which it listens, such as 8099")
    HTTPServer(("127.0.0.1", parser.parse_args().port), Listener).serve_forever()


if __name__ == "__main__":
    main()
