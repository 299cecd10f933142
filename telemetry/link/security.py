"""How the unit proves who it is, and checks who it talks to: TLS and the password file."""

import ssl
import stat

from telemetry.link.transport import LinkOptions, TransportConfigError


def tls_context(options: LinkOptions) -> ssl.SSLContext:
    """TLS 1.2 or newer, the peer's name and certificate checked. Raises TransportConfigError."""
    try:
        context = ssl.create_default_context(cafile=options.ca)
    except (OSError, ssl.SSLError) as error:
        raise TransportConfigError(
            f"hub.tls.ca: {options.ca} cannot be used ({error}); give a PEM file"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if options.cert is not None:
        try:
            # The empty password keeps OpenSSL from asking on the terminal for a locked key.
            context.load_cert_chain(options.cert, options.key, password="")
        except (OSError, ssl.SSLError) as error:
            raise TransportConfigError(
                f"hub.tls: certificate {options.cert} with key {options.key} cannot be used "
                f"({error}); give a PEM certificate and its unencrypted PEM key"
            ) from error
    return context


def password(options: LinkOptions) -> str | None:
    path = options.password_file
    if path is None:
        return None
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise TransportConfigError(
                f"{path} can be read by others (mode {mode:04o}); run: chmod 600 {path}"
            )
        return path.read_text(encoding="utf-8").splitlines()[0]
    except (OSError, UnicodeDecodeError, IndexError) as error:
        raise TransportConfigError(
            f"{path} cannot be read as a password file ({error}); put the password on one line"
        ) from error
