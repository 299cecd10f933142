"""A robot as the carrier, as types: over this project's line protocol, or a rosbridge."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config.devices import Host, Port
from config.language import tell
from config.platform_source import PlatformSource

RosTopic = Annotated[
    str, Field(pattern=r"^/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*$", max_length=200)
]


class RobotSource(PlatformSource):
    """What every robot has."""

    max_speed_mps: float = Field(1.5, gt=0, le=10, description="faster it is never told to go")
    max_turn_dps: float = Field(60.0, gt=0, le=360, description="nor to turn")


class RobotPlatformConfig(RobotSource):
    """A robot that speaks this project's robot protocol (docs/robot-adapter.md)."""

    kind: Literal["robot"]
    host: Host = Field("127.0.0.1", description="its address")
    net_port: Port = Field(7_788, description="its TCP port")


class RosbridgePlatformConfig(RobotSource):
    """A robot with ROS behind a rosbridge (pip install 'patrol-edge[ros]').

    Its base must stop by itself when no speed comes for half a second: docs/robot-adapter.md.
    """

    kind: Literal["rosbridge"]
    host: Host = Field("127.0.0.1", description="its address")
    net_port: Port = Field(9_090, description="its WebSocket port")
    ros: Literal[1, 2] = Field(2, description="how types are named: ROS 1 or ROS 2")
    stamped: bool = Field(
        False, description="true: it wants TwistStamped, as nav2 does since ROS 2 Kilted"
    )
    cmd_vel: RosTopic = Field("/cmd_vel", description="where it takes speeds")
    odom: RosTopic | None = Field("/odom", description="nav_msgs/Odometry; null: none")
    battery: RosTopic | None = Field(
        "/battery_state", description="sensor_msgs/BatteryState; null: none"
    )
    diagnostics: RosTopic | None = Field(
        "/diagnostics", description="diagnostic_msgs/DiagnosticArray; null: none"
    )
    estop: RosTopic | None = Field(
        None,
        examples=["/e_stop"],
        description="std_msgs/Bool that stops it for good; null: it only stands still",
    )

    @model_validator(mode="after")
    def _tells_something(self) -> Self:
        if self.odom is None and self.battery is None and self.diagnostics is None:
            raise ValueError(
                tell(
                    "without odom, battery and diagnostics nobody can tell whether the robot is "
                    "there; give one of them"
                )
            )
        return self
