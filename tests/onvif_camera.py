"""A camera that turns and speaks ONVIF, on loopback: it checks the login, and may misbehave."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree as Tree

S = "{http://www.w3.org/2003/05/soap-envelope}"
WSSE = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
WSU = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}"
TT = "{http://www.onvif.org/ver10/schema}"
TPTZ = "{http://www.onvif.org/ver20/ptz/wsdl}"
ENVELOPE = (
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:tt="http://www.onvif.org/ver10/schema" '
    'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" '
    'xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
    'xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl"><s:Body>{}</s:Body></s:Envelope>'
)


@dataclass
class Camera:
    """How it stands, and what it was asked."""

    login: tuple[str, str] | None = ("admin", "secret")
    turns: bool = True
    clock_ahead: timedelta = timedelta(hours=8)  # nobody ever set it
    raw: bytes | None = None  # answered whatever is asked
    position: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    preset: str = ""
    asked: list[str] = field(default_factory=list)

    def answer(self, request: bytes, host: str) -> tuple[int, bytes]:
        if self.raw is not None:
            return 200, self.raw
        envelope = Tree.fromstring(request)
        body = envelope.find(f"{S}Body")
        assert body is not None
        order = body[0]
        name = order.tag.partition("}")[2]
        self.asked.append(name)
        if name != "GetSystemDateAndTime" and not self._knows(envelope):
            fault = "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>"
            fault += "ter:NotAuthorized</s:Text></s:Reason></s:Fault>"
            return 400, ENVELOPE.format(fault).encode()
        return 200, ENVELOPE.format(self._done(name, order, host)).encode()

    def _knows(self, envelope: Tree.Element) -> bool:
        if self.login is None:
            return True
        token = envelope.find(f"{S}Header/{WSSE}Security/{WSSE}UsernameToken")
        if token is None:
            return False
        nonce = base64.b64decode(token.findtext(f"{WSSE}Nonce") or "")
        created = token.findtext(f"{WSU}Created") or ""
        secret = hashlib.sha1(nonce + created.encode() + self.login[1].encode()).digest()
        stamped = datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        fresh = abs(datetime.now(UTC) + self.clock_ahead - stamped) < timedelta(seconds=5)
        told = token.findtext(f"{WSSE}Password"), token.findtext(f"{WSSE}Username")
        return fresh and told == (base64.b64encode(secret).decode(), self.login[0])

    def _done(self, name: str, order: Tree.Element, host: str) -> str:
        match name:
            case "GetSystemDateAndTime":
                now = datetime.now(UTC) + self.clock_ahead
                return (
                    "<tds:GetSystemDateAndTimeResponse><tt:UTCDateTime><tt:Time>"
                    f"<tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute>"
                    f"<tt:Second>{now.second}</tt:Second></tt:Time><tt:Date>"
                    f"<tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month>"
                    f"<tt:Day>{now.day}</tt:Day></tt:Date></tt:UTCDateTime>"
                    "</tds:GetSystemDateAndTimeResponse>"
                )
            case "GetCapabilities":
                ptz = "<tt:PTZ><tt:XAddr>http://10.0.0.9/onvif/ptz</tt:XAddr></tt:PTZ>"
                return (
                    "<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Media><tt:XAddr>"
                    f"http://{host}/onvif/media</tt:XAddr></tt:Media>{ptz if self.turns else ''}"
                    "</tds:Capabilities></tds:GetCapabilitiesResponse>"
                )
            case "GetProfiles":
                return (
                    '<trt:GetProfilesResponse><trt:Profiles token="fixed"/>'
                    '<trt:Profiles token="main"><tt:PTZConfiguration token="ptz0"/>'
                    "</trt:Profiles></trt:GetProfilesResponse>"
                )
            case "AbsoluteMove":
                pan_tilt, zoom = order.find(f".//{TT}PanTilt"), order.find(f".//{TT}Zoom")
                if pan_tilt is not None:
                    self.position[:2] = float(pan_tilt.attrib["x"]), float(pan_tilt.attrib["y"])
                if zoom is not None:
                    self.position[2] = float(zoom.attrib["x"])
                return "<tptz:AbsoluteMoveResponse/>"
            case "GotoPreset":
                self.preset = order.findtext(f"{TPTZ}PresetToken") or ""
                return "<tptz:GotoPresetResponse/>"
        x, y, zoom_x = self.position
        return (
            "<tptz:GetStatusResponse><tptz:PTZStatus><tt:Position>"
            f'<tt:PanTilt x="{x}" y="{y}"/><tt:Zoom x="{zoom_x}"/></tt:Position>'
            "</tptz:PTZStatus></tptz:GetStatusResponse>"
        )


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        request = self.rfile.read(int(self.headers["Content-Length"]))
        camera: Camera = self.server.camera  # type: ignore[attr-defined]
        status, answer = camera.answer(request, self.headers["Host"])
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: object) -> None:
        """Nothing."""


@contextmanager
def onvif_camera(camera: Camera) -> Iterator[int]:
    """Its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.camera = camera  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
