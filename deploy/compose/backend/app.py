"""A program that knows nothing of syncd: it answers with one of its environment's variables."""

import os
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8000


class Answer(BaseHTTPRequestHandler):
    """GREETING as it was when the program started, and whether there is a password; never the password."""

    def do_GET(self) -> None:
        """Answer any path."""
        body = f"{os.environ['GREETING']} (password: {'set' if os.environ.get('DATABASE_PASSWORD') else 'missing'})\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    if sys.argv[1:] == ["--healthy"]:
        urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=2)
    else:
        ThreadingHTTPServer(("", PORT), Answer).serve_forever()
