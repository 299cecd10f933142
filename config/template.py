"""A new unit file: commented, with examples to uncomment, and right as it stands."""

import json
from dataclasses import dataclass

from config.device_advice import CAMERA_LINKS, SERIAL_LINKS
from config.host_files import Files
from config.schema import FILE_NAME

SERIAL_EXAMPLE = f"{SERIAL_LINKS}/usb-u-blox_AG_u-blox_GNSS_receiver-if00"
CAMERA_EXAMPLE = f"{CAMERA_LINKS}/usb-046d_HD_Pro_Webcam-video-index0"

LABELS = {"robot_dog": "Dog 1, north gate", "drone": "Drone 1", "patrol_car": "Car 1, night shift"}

TEMPLATE = """\
# The unit file of {unit_id}. What is not set here comes from the profile {kind}.
#
#   patrol-edge config check FILE   what is wrong with it, with the line and the cure
#   patrol-edge config show FILE    everything that applies, and where it was set
#
# Files that hold a secret: mode 0600, owned by the service's user:
#
#   chown patrol-edge FILE && chmod 600 FILE
#
# A # with no space after it stands before an example: delete that # to use the line.
# Indent with two spaces, never with tabs.

unit:
  id: {unit_id_quoted}
  kind: {kind}
  #label: "{label}"

# --- the hub -----------------------------------------------------------------
# mqtt://host:1883, or mqtts://host:8883 for TLS. Paths are relative to this file.

hub:
  url: {hub_quoted}
  #username: {unit_id_quoted}
  #password_file: hub.password   # the password alone; mode 0600
  #tls:
    #ca: ca.pem                  # only for an authority of your own
    #cert: unit.pem              # with key: the unit proves who it is
    #key: unit.key               # mode 0600

# --- GNSS receivers: each has a name of your choice ---------------------------
# The stable names of what is plugged in:  ls -l {serial_links}

#gnss:
  #main:
    #kind: serial
    #port: {serial}
    #baud: auto

# --- cameras: each has a name of your choice ----------------------------------
# The stable names of what is plugged in:  ls -l {camera_links}

#cameras:
  #front:
    #kind: v4l2
    #device: {camera}
    #width_px: 1280
    #height_px: 720
    #fps: 25
  #rear:
    #kind: stream
    #url: "rtsp://192.168.1.20/stream1"
    #credentials_file: rear.credentials   # user:password; mode 0600
    #lens:                       # lens and mount put what it sees on the map
      #horizontal_fov_deg: 70    # better: patrol-edge camera calibrate lens
    #mount:                      # patrol-edge camera calibrate mount; look at it with camera check
      #height_m: 1.8             # of the lens above the ground
      #pitch_deg: -10            # 0 level, -90 straight down
      #yaw_deg: 180              # 0 over the bow, 90 to the right

# --- what shall be an alert: docs/zones.md, and patrol-edge zones check -------

#zones:
  #files: [zones.geojson]        # areas and lines on the map, with their crs
  #picture:                      # or in a camera's picture, for a unit that stands
    #door:
      #camera: rear
      #points: [[0.4, 0.5], [0.6, 0.5], [0.6, 0.9], [0.4, 0.9]]
#rules:
  #at_the_door:
    #kind: intrusion
    #zones: [door]
    #active: ["22:00-06:00"]     # local time; default: always
  #lenses:
    #kind: camera_state          # covered, blinded, moved, frozen

# --- pictures to the hub, always redacted; default: with alerts ----------------

#media:
  #snapshots: alerts             # off, alerts or all

# --- off unless they are turned on ----------------------------------------------

#microphones:
  #roof:
    #kind: sound
    #device: default             # patrol-edge audio devices
#audio:
  #mode: events                  # sound is analysed here and forgotten
#plates:
  #enabled: true                 # only plates of lists that a hub has sent
#search:
  #enabled: true                 # for descriptions that a hub has sent

# --- only where the profile does not fit --------------------------------------

#perception:
  #max_fps: 5                    # pictures looked at per second, at most

#position:
  #patrol_every_s: 5             # how often the hub hears where the unit is
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUnit:
    """What a new unit file must know."""

    unit_id: str
    kind: str
    hub_url: str
    with_schema: bool = False


def unit_file(unit: NewUnit, files: Files) -> str:
    """The text of a new unit file. Examples name what is plugged in here, if anything is."""
    serial = [link for link, _ in files.links(SERIAL_LINKS)] or [SERIAL_EXAMPLE]
    camera = [link for link, _ in files.links(CAMERA_LINKS)] or [CAMERA_EXAMPLE]
    text = TEMPLATE.format(
        unit_id=unit.unit_id,
        unit_id_quoted=json.dumps(unit.unit_id),
        kind=unit.kind,
        label=LABELS.get(unit.kind, "a name for people"),
        hub_quoted=json.dumps(unit.hub_url),
        serial_links=SERIAL_LINKS,
        camera_links=CAMERA_LINKS,
        serial=json.dumps(serial[0]),
        camera=json.dumps(camera[0]),
    )
    hint = f"# yaml-language-server: $schema={FILE_NAME}\n" if unit.with_schema else ""
    return hint + text
