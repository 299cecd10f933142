"""A host that walks the simulated dog, said again five times a second, until somebody ends it.

python -m tests.torture.walker PORT
"""

import sys
import time

from config.robots import RobotPlatformConfig
from drivers.clock import SystemClock
from drivers.platforms.orders import Drive
from drivers.platforms.robots.robot import Robot


def main() -> None:
    config = RobotPlatformConfig.model_validate({"kind": "robot", "net_port": int(sys.argv[1])})
    robot = Robot.open("dog", config, SystemClock())
    token, next_s = 0, 0.0
    while True:
        if time.monotonic() >= next_s:
            token, next_s = token + 1, time.monotonic() + 0.2
            robot.ask(token, Drive(forward_mps=1.0))
        robot.read()


if __name__ == "__main__":
    main()
