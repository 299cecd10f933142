"""How the unit proves who it is, and checks who it talks to: TLS and the password file."""

import ssl

from config.secrets import SecretFileError, check_kept, read_line
from telemetry.link.transport import LinkOptions, TransportConfigError


def tls_context(options: LinkOptions) -> ssl.SSLContext:
    """TLS 1.2 or newer, the peer's name and certificate checked. Raises TransportConfigError."""
    try:
        context = ssl.create_default_context(cafile=options.ca)
    except (OSError, ssl.SSLError) as error:
        raise TransportConfigError(
            f"{options.names.ca}: {options.ca} cannot be used ({error}); give a PEM file"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if options.cert is not None:
        try:
            if options.key is not None:
                check_kept(options.key)
            # The empty password keeps OpenSSL from asking on the terminal for a locked key.
            context.load_cert_chain(options.cert, options.key, password="")
        except SecretFileError as error:
            raise TransportConfigError(f"hub.tls.key: {error}") from None
        except (OSError, ssl.SSLError) as error:
            raise TransportConfigError(
                f"hub.tls: certificate {options.cert} with key {options.key} cannot be used "
                f"({error}); give a PEM certificate and its unencrypted PEM key"
            ) from error
    return context


def password(options: LinkOptions) -> str | None:
    """The password for the broker, read anew for each connection. Raises TransportConfigError."""
    if options.password_file is None:
        return None
    try:
        return read_line(options.password_file, "the password")
    except SecretFileError as error:
        raise TransportConfigError(f"{options.names.password_file}: {error}") from None
