"""An EST server (RFC 7030) beside a pilot's authority: units get their certificates from it.

Small on purpose: one folder, no session, a few connections at a time, everything with a limit.
"""

import ssl
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socket import SHUT_RDWR, socket
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

import structlog
from cryptography import x509

from config.language import localized, tell
from drivers.clock import Clock, SystemClock
from edge.provisioning.attempts import Attempts
from edge.provisioning.authority import Authority
from edge.provisioning.enrolment import Answer, Enrolment
from edge.provisioning.errors import ProvisioningError
from edge.provisioning.issuing import host_names
from edge.provisioning.requests import MAX_REQUEST_BYTES

PATH = "/.well-known/est/"
NAME = "est"  # of the server's own certificate
AT_ONCE = 16
OF_ONE = 8  # of them from one address: it cannot keep all others out by saying nothing
SILENT_S = 10.0
CONNECTION_S = 30.0
RENEW_BEFORE = timedelta(days=30)


class EstServer(ThreadingMixIn, TCPServer):
    """Runs from `start` to `stop`."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(
        self,
        authority: Authority,
        hosts: Sequence[str],
        address: tuple[str, int],
        days: int = 365,
        clock: Clock | None = None,
    ) -> None:
        """Raises WrongInputError, ProvisioningError, OSError."""
        self.clock = clock or SystemClock()
        self.enrolment = Enrolment(authority, days)
        self.attempts = Attempts()
        self._context = _context(authority, own_certificate(authority, hosts))
        self._lock, self._inside = threading.Lock(), Counter[str]()
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.2}, name="est", daemon=True
        )
        super().__init__(address, EstHandler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join(5)

    # --- one connection, in a thread of its own ---

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._let_in(client_address[0]):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._inside -= Counter((client_address[0],))

    def _let_in(self, address: str) -> bool:
        with self._lock:
            if self._inside[address] >= OF_ONE or self._inside.total() >= AT_ONCE:
                return False
            self._inside[address] += 1
            return True

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(SILENT_S)
        # OSError, of TLS too: no certificate of ours, no TLS at all, gone. Whoever is at the door
        # and says nothing is no news.
        with (
            suppress(OSError),
            self._context.wrap_socket(
                request, server_side=True, do_handshake_on_connect=False
            ) as shielded,
        ):
            cut = threading.Timer(CONNECTION_S, _end, (shielded,))  # whoever sends byte by byte
            cut.daemon = True
            cut.start()
            try:
                shielded.do_handshake()
                EstHandler(shielded, client_address, self)
            finally:
                cut.cancel()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - as the base
        """A defect of ours costs this connection, not the server."""
        structlog.get_logger().exception("est_failed", frm=client_address[0])


def _end(request: socket) -> None:
    with suppress(OSError):
        request.shutdown(SHUT_RDWR)


class EstHandler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server_version = "patrol-edge"
    sys_version = ""
    server: EstServer

    def do_GET(self) -> None:
        if self.path == PATH + "cacerts":
            self._within_limits(lambda _address: self.server.enrolment.authorities())
        else:
            self._answer(_nothing_here())

    def do_POST(self) -> None:
        what = {
            PATH + "simpleenroll": self._first,
            PATH + "simplereenroll": self._again,
        }.get(self.path)
        if what is None:
            self._answer(_nothing_here())
            return
        # Before anything is answered: who closes on what was not read takes the answer along.
        body = self._body()
        if isinstance(body, Answer):
            self._within_limits(lambda _address: body)
        else:
            self._within_limits(lambda address: what(body, address))

    def _first(self, body: bytes, address: str) -> Answer:
        return self.server.enrolment.first(self.headers.get("Authorization"), body, address)

    def _again(self, body: bytes, address: str) -> Answer:
        shown = self.connection.getpeercert(binary_form=True)
        return self.server.enrolment.again(shown, body, address)

    def _within_limits(self, work: Callable[[str], Answer]) -> None:
        address = str(self.client_address[0])
        now_s = self.server.clock.mono_s()
        if (wait_s := self.server.attempts.wait_s(address, now_s)) > 0:
            self._answer(Answer(429, b"too many tries; later\n"), wait_s)
            return
        try:
            answer = work(address)
        except (ProvisioningError, OSError) as error:
            structlog.get_logger().error("est_cannot_issue", why=str(error))
            answer = Answer(503, b"the authority cannot issue now; its journal says why\n")
        if answer.wrong:
            self.server.attempts.was_wrong(address, now_s)
        self._answer(answer, 60 if answer.status == 503 else None)

    def _body(self) -> bytes | Answer:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            return Answer(411, b"say how long the request is\n", wrong=True)
        if len(length) > 9 or int(length) > 2 * MAX_REQUEST_BYTES:
            return Answer(413, b"the request is too large\n", wrong=True)
        return self.rfile.read(int(length))

    def _answer(self, answer: Answer, wait_s: float | None = None) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        if answer.status == 200:
            self.send_header("Content-Transfer-Encoding", "base64")
        if answer.status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="patrol enrolment"')
        if wait_s is not None:
            self.send_header("Retry-After", str(int(wait_s) + 1))
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Connection", "close")
        self.close_connection = True
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: Any) -> None:
        """What matters is in the authority's journal; a line a request would flood."""


def _nothing_here() -> Answer:
    return Answer(404, b"this is an EST server: /.well-known/est/cacerts\n", wrong=True)


# --- its own certificate ---


def own_certificate(authority: Authority, hosts: Sequence[str]) -> tuple[Path, Path]:
    """Certificate and key of the server, for these names; a new one where the old will not do.

    Raises WrongInputError, ProvisioningError, OSError.
    """
    path = authority.folder / f"{NAME}.crt"
    if not _will_do(path, authority, hosts):
        authority.issue(NAME, "broker", hosts=hosts)
    return path, path.with_suffix(".key")


def _will_do(path: Path, authority: Authority, hosts: Sequence[str]) -> bool:
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    known = authority.find(found.serial_number)
    fresh = found.not_valid_after_utc - authority.now() > RENEW_BEFORE
    return list(names) == host_names(hosts) and fresh and known is not None and not known.revoked_at


def _context(authority: Authority, pair: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(*pair)
    context.load_verify_locations(cafile=str(authority.folder / "ca.crt"))
    context.verify_mode = ssl.CERT_OPTIONAL  # a unit without one comes with a token
    return context


def serve_until_stopped(
    authority: Authority,
    hosts: Sequence[str],
    address: tuple[str, int],
    days: int,
    told: Callable[[str], None],
) -> int:
    """Returns 0 after SIGTERM or Ctrl-C. Raises WrongInputError, ProvisioningError, OSError."""
    from config.models import LoggingConfig
    from edge.running import log
    from edge.running.supervisor import block_stop_signals, wait_for_stop_signal

    block_stop_signals()
    log.set_up(LoggingConfig())
    try:
        server = EstServer(authority, hosts, address, days)
    except (OSError, OverflowError) as error:
        text = tell("cannot listen on {host} port {port}: {why}",
                    host=address[0], port=address[1], why=str(error))  # fmt: skip
        raise ProvisioningError(text, tell("stop what uses it, or give another --port")) from error
    server.start()
    shown = f"https://{hosts[0]}:{server.port}"
    told(localized(tell("answering on {url}; on a unit: patrol-edge provision --enrol {url}",
                        url=shown)))  # fmt: skip
    told(localized(tell("the authority's fingerprint: {sha256}", sha256=authority.fingerprint)))
    try:
        while not wait_for_stop_signal(1.0):
            pass
    finally:
        server.stop()
    return 0
