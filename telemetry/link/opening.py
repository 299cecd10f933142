"""Opening a connection, TCP and TLS where configured, without waiting for it."""

import socket
import ssl
import threading
from contextlib import suppress

from telemetry.bell import Bell
from telemetry.link.transport import LinkOptions

CONNECT_TIMEOUT_S = 5.0  # for each address of the name, and for each step of the TLS handshake
USER_TIMEOUT_MS = 10_000  # bytes that the peer's kernel has not taken for so long: it is gone
UNSENT_BYTES = 16_384  # what our kernel may hold that is not on the wire yet


class Opening:
    """One attempt, in a thread of its own: a name server may take half a minute to say nothing,
    and getaddrinfo(3) cannot be told to hurry. The bell rings when it is over."""

    def __init__(self, options: LinkOptions, context: ssl.SSLContext | None, bell: Bell) -> None:
        self._options = options
        self._context = context
        self._bell = bell
        self._lock = threading.Lock()
        self._abandoned = False
        self._link: socket.socket | None = None
        self._shaking: ssl.SSLSocket | None = None  # hands, with the peer
        self.error: OSError | ValueError | None = None
        self.done = False
        threading.Thread(target=self._open, name="connect", daemon=True).start()

    def take(self) -> socket.socket | None:
        """The open connection, non-blocking; None where `error` says why there is none."""
        with self._lock:
            link, self._link = self._link, None
        return link

    def abandon(self) -> None:
        """Whatever comes of it is not wanted any more."""
        with self._lock:
            self._abandoned = True
            if self._link is not None:
                self._link.close()
                self._link = None
            if self._shaking is not None:  # a peer that drips could keep the thread for ever
                with suppress(OSError):  # not its own shutdown, which takes OpenSSL's part away
                    socket.socket.shutdown(self._shaking, socket.SHUT_RDWR)

    def _open(self) -> None:
        try:
            link = self._connect()
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            self.error = error
        else:
            link.setblocking(False)
            with self._lock:
                if self._abandoned:
                    link.close()
                else:
                    self._link = link
        finally:
            self.done = True
            self._bell.set()

    def _connect(self) -> socket.socket:
        options = self._options
        link = socket.create_connection((options.host, options.port), CONNECT_TIMEOUT_S)
        try:
            _tune(link)
            return link if self._context is None else self._shake_hands(self._context, link)
        except (OSError, ValueError):
            with suppress(OSError):
                link.close()
            raise

    def _shake_hands(self, context: ssl.SSLContext, link: socket.socket) -> socket.socket:
        shaking = context.wrap_socket(
            link, server_hostname=self._options.host, do_handshake_on_connect=False
        )
        with self._lock:
            self._shaking = shaking
            wanted = not self._abandoned
        try:
            if wanted:
                shaking.do_handshake()
        except (OSError, ValueError):
            shaking.close()
            raise
        finally:
            with self._lock:
                self._shaking = None
        return shaking


def _tune(link: socket.socket) -> None:
    # Small messages must not wait for each other (Nagle); a peer that no longer answers must not
    # hold the connection open; and on a slow link a live message must not stand behind seconds of
    # backlog in our own kernel (tcp(7)).
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
