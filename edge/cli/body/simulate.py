"""`patrol-edge simulate`: devices that are programs, to test and to train with."""

import argparse

from edge.cli.body import (
    gnss_simulate,
    simulate_autopilot,
    simulate_board,
    simulate_camera,
    simulate_robot,
    simulate_vehicle,
)


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "simulate",
        help="stand in for a device: autopilot, board, camera, gnss, robot, vehicle",
        description="Be a device that is not there. The runtime opens it like a real one.",
    )
    parts = parser.add_subparsers(title="commands", metavar="DEVICE", required=True)
    for device in DEVICES:
        device.register(parts)


class _Gnss:
    """The same as `patrol-edge gnss simulate`."""

    @staticmethod
    def register(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
        gnss_simulate.register(parts, "gnss")


# A line each, so that two can come at the same time.
DEVICES = (
    simulate_board,
    simulate_vehicle,
    simulate_autopilot,
    simulate_camera,
    simulate_robot,
    _Gnss,
)
