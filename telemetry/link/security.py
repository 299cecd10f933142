"""How the unit proves who it is, and checks who it talks to: TLS and the password file."""

import ssl

from config.language import tell
from config.secrets import SecretFileError, check_kept, read_line
from telemetry.link.transport import LinkOptions, TransportConfigError


def tls_context(options: LinkOptions) -> ssl.SSLContext:
    """TLS 1.2 or newer, the peer's name and certificate checked. Raises TransportConfigError."""
    try:
        context = ssl.create_default_context(cafile=options.ca)
    except (OSError, ssl.SSLError) as error:
        raise TransportConfigError(
            tell(
                "{name}: {file} cannot be used ({error}); give a PEM file",
                name=options.names.ca,
                file=options.ca,
                error=error,
            )
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if options.cert is not None:
        try:
            if options.key is not None:
                check_kept(options.key)
            # The empty password keeps OpenSSL from asking on the terminal for a locked key.
            context.load_cert_chain(options.cert, options.key, password="")
        except SecretFileError as error:
            raise TransportConfigError(tell("hub.tls.key: {error}", error=error)) from None
        except (OSError, ssl.SSLError) as error:
            raise TransportConfigError(
                tell(
                    "hub.tls: certificate {cert} with key {key} cannot be used ({error}); give a "
                    "PEM certificate and its unencrypted PEM key",
                    cert=options.cert,
                    key=options.key,
                    error=error,
                )
            ) from error
    return context


def password(options: LinkOptions) -> str | None:
    """The password for the broker, read anew for each connection. Raises TransportConfigError."""
    if options.password_file is None:
        return None
    try:
        return read_line(options.password_file, tell("the password"))
    except SecretFileError as error:
        raise TransportConfigError(
            tell("{name}: {error}", name=options.names.password_file, error=error)
        ) from None
