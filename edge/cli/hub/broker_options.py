"""Options of all commands that talk to a broker from the hub's side."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.console import USAGE, CommandError

if TYPE_CHECKING:
    from telemetry.link.transport import LinkOptions


def add_broker_options(parser: argparse.ArgumentParser, *, inherited: bool = False) -> None:
    """`inherited`: the parent command has them, too, and its values hold unless given again."""
    nothing = argparse.SUPPRESS

    def add(name: str, text: str, metavar: str | None = None, *, file: bool = False) -> None:
        parser.add_argument(
            name,
            type=Path if file else str,
            metavar=metavar,
            help=text,
            default=nothing if inherited else None,
        )

    parser.add_argument(
        "--broker",
        default=nothing if inherited else "mqtt://localhost:1883",
        metavar="URL",
        help="mqtt://host:port, or mqtts:// for TLS",
    )
    parser.add_argument(
        "--root",
        default=nothing if inherited else "patrol/v1",
        help="the topic root of the units",
    )
    add("--username", "for the broker")
    add("--password-file", "mode 0600", "FILE", file=True)
    add("--ca", "who signed the broker's certificate", "PEM", file=True)
    add("--cert", "the hub's own certificate", "PEM", file=True)
    add("--cert-key", "and its key", "PEM", file=True)


def link_of(args: argparse.Namespace, name: str) -> "LinkOptions":
    """Where to connect, as the client `name`, with a session that ends with the connection."""
    from config.addresses import broker_address
    from telemetry.link.transport import LinkOptions, Names

    try:
        broker = broker_address(args.broker)
    except ValueError as error:
        text, _, cure = str(error).partition("; ")
        raise CommandError(f"--broker: {text}", cure, USAGE) from error
    return LinkOptions(
        host=broker.host,
        port=broker.port,
        client_id=name,
        tls=broker.tls,
        ca=args.ca,
        cert=args.cert,
        key=args.cert_key,
        username=args.username,
        password_file=args.password_file,
        clean_start=True,
        session_expiry_s=0,
        names=Names(
            client="this client",
            url="--broker",
            username="--username",
            password_file="--password-file",  # noqa: S106 - an option's name
            ca="--ca",
        ),
    )


def root_of(args: argparse.Namespace) -> str:
    return str(args.root).strip("/")
