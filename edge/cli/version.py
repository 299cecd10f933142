"""`patrol-edge version`: what runs here."""

import argparse
import json
import platform
from importlib.metadata import version as installed

from edge.cli.console import DONE, say

LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "paho-mqtt", "pydantic")


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("version", help="print the versions of the runtime")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(handler=show)


def show(args: argparse.Namespace) -> int:
    versions = {"patrol-edge": installed("patrol-edge"), "python": platform.python_version()}
    versions |= {name: installed(name) for name in LIBRARIES}
    if args.json:
        say(json.dumps(versions))
    else:
        for name, text in versions.items():
            say(f"{name:24} {text}")
    return DONE
