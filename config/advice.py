"""What works, but should be looked at: a warning each, with its cure.

Nothing is opened, and nothing of this makes the file wrong: it may be checked on another computer
than the unit's, and a device may be plugged in later.
"""

import importlib.util
import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from config.advised import Advice, on_kept
from config.device_advice import on_devices
from config.errors import Problem
from config.host_files import Files
from config.language import tell
from config.models import Settings
from config.nodes import Entries, Node, dotted, find, place_of
from config.wording import listed


def advice(settings: Settings, root: Node, files: Files) -> list[Problem]:
    """Every warning, each at the place of the value that it is about."""
    found = [
        *on_devices(settings, files),
        *_on_model(settings, files),
        *_on_hub(settings, files),
        *_on_security(settings, files),
    ]
    return [_placed(item, root) for item in dict.fromkeys(found)]  # two cameras may say the same


def _placed(item: Advice, root: Node) -> Problem:
    node = find(root, item.path)
    in_file = node is not None and not isinstance(node, Entries)
    place = node.place if node is not None and in_file else place_of(root, item.path)
    if find(root, item.path[:1]) is None:  # nothing of it is in the file: there is no line
        place = replace(root.place, line=0, column=0)
    variable = (
        tell(" (set by {source})", source=place.source) if place.layer == "environment" else ""
    )
    return Problem(
        source="environment" if variable else place.source,
        line=place.line,
        column=place.column,
        path=dotted(item.path),
        text=tell("{text}{variable}", text=item.text, variable=variable) if variable else item.text,
        severity=item.severity,
    )


def _on_model(settings: Settings, files: Files) -> Iterator[Advice]:
    model = settings.perception.model
    if settings.perception.enabled and model.startswith("/") and not files.exists(model):
        yield Advice(
            ("perception", "model"),
            tell(
                "{model} is not there; copy it there, or name one of: patrol-edge models list",
                model=model,
            ),
        )


# --- the hub ---------------------------------------------------------------------------------


def _on_hub(settings: Settings, files: Files) -> Iterator[Advice]:
    hub = settings.hub
    url = urlsplit(hub.url)
    if url.scheme == "mqtt" and not is_loopback(url.hostname or ""):
        yield Advice(
            ("hub", "url"),
            tell(
                "everything to {hostname} goes unencrypted; write mqtts://, with hub.tls.ca "
                "if the broker's certificate is from an authority of your own",
                hostname=url.hostname,
            ),
        )
    if settings.delivery.transport == "awscrt":
        yield from _on_awscrt(hub.protocol)
    given = [name for name in ("ca", "cert", "key") if getattr(hub.tls, name) is not None]
    if url.scheme == "mqtt" and given:
        yield Advice(
            ("hub", "tls"),
            tell(
                "{given} is not used with mqtt://; write mqtts:// in hub.url",
                given=listed(given, "and"),
            ),
        )
    for name in "ca", "cert":
        if (file := getattr(hub.tls, name)) is not None:
            yield from on_kept(("hub", "tls", name), file, files, "intact", "warning")
    if hub.tls.key is not None:
        yield from on_kept(("hub", "tls", "key"), hub.tls.key, files)
    if hub.password_file is not None:
        yield from on_kept(("hub", "password_file"), hub.password_file, files)


def _on_awscrt(protocol: str) -> Iterator[Advice]:
    """The unit does not start without the library, nor with another protocol."""
    path = ("delivery", "transport")
    if protocol == "3.1.1":
        text = tell(
            "awscrt speaks MQTT 5 only, and hub.protocol is 3.1.1; write paho, or protocol: '5'"
        )
        yield Advice(path, text, "error")
    if importlib.util.find_spec("awscrt") is None:  # here; the unit may have it
        text = tell(
            "awscrt is not installed here; run pip install 'patrol-edge[awscrt]', or write paho"
        )
        yield Advice(path, text)


def _on_security(settings: Settings, files: Files) -> Iterator[Advice]:
    security = settings.security
    if security.commands == "unsigned":
        yield Advice(
            ("security", "commands"),
            tell(
                "whoever reaches the broker commands this unit; off the bench write signed, "
                "and give it the hub's key: patrol-edge keys install"
            ),
        )
    if security.keyring is not None:
        yield from on_kept(("security", "keyring"), security.keyring, files, "intact")
    if security.trust is not None:
        yield from on_kept(("security", "trust"), security.trust, files, "intact")
    if security.device_key is not None:
        yield from on_kept(("security", "device_key"), security.device_key, files)


def is_loopback(host: str) -> bool:
    """True for this computer itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
