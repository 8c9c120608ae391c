"""A program that knows nothing of Moleculer: HTTP on the port that PORT names, and a health page."""

import json
import os
import signal
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Weather(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/health":
            return self.answer(200, {"status": "ok"})
        city = parse_qs(url.query).get("city", [""])[0]
        if url.path != "/temperature" or not city:
            return self.answer(404, {"error": "there is /health and /temperature?city=…"})
        celsius = zlib.crc32(city.encode()) % 35 - 5
        self.answer(200, {"city": city, "celsius": celsius})

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Weather)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print(f"weather listens on {server.server_port}", flush=True)
server.serve_forever()
