"""Three RabbitMQ nodes on loopback, for tests: a real clustered broker with MQTT and STOMP.

Everything is the cluster's own: ports, epmd, cookie, node names, data, logs. Nothing of an
installed service is read or touched, and nothing is left. Works for any user, not for root alone.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.broker import free_port

_PATH = "/usr/lib/rabbitmq/bin:/usr/lib/rabbitmq/sbin"  # Debian; its /usr/sbin is for root alone
SERVER = shutil.which("rabbitmq-server", path=_PATH)
CTL = shutil.which("rabbitmqctl", path=_PATH)
EPMD = shutil.which("epmd")
START_S = 90.0  # a busy machine with two cores; 10 s on an idle one
LACKING = "no rabbitmq-server here: apt-get install rabbitmq-server"


def installed() -> bool:
    return None not in (SERVER, CTL, EPMD)


class Node:
    """One RabbitMQ. `kill` is kill -9; `start` brings it back with what it had on its disk."""

    def __init__(self, cluster: "Cluster", number: int) -> None:
        self.name = f"pe{number}-{cluster.tag}@localhost"
        self.mqtt_port, self.stomp_port = free_port(), free_port()
        self._cluster = cluster
        self._amqp_port, self._dist_port = free_port(), free_port()
        self._folder = cluster.folder / f"node{number}"
        self._folder.mkdir()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.mqtt_port}"

    @property
    def environment(self) -> dict[str, str]:
        """For the server and for rabbitmqctl."""
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(self._cluster.folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._cluster.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._amqp_port),
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(self._folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "data"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(self._folder / "features"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self._folder / "generated"),
            "RABBITMQ_PID_FILE": str(self._folder / "pid"),
            # One scheduler each: three idle nodes would else keep two cores busy with waiting.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none "
                "-kernel inet_dist_use_interface {127,0,0,1}"
            ),
        }

    def write(self, peers: Sequence[str], lines: Sequence[str]) -> None:
        (self._folder / "plugins").write_text("[rabbitmq_mqtt,rabbitmq_stomp].\n")
        settings = [
            f"listeners.tcp.1 = 127.0.0.1:{self._amqp_port}",
            f"mqtt.listeners.tcp.1 = 127.0.0.1:{self.mqtt_port}",
            f"stomp.listeners.tcp.1 = 127.0.0.1:{self.stomp_port}",
            "mqtt.allow_anonymous = true",
            "mqtt.durable_queue_type = quorum",
            "mqtt.prefetch = 100",
            "cluster_formation.peer_discovery_backend = classic_config",
            "cluster_partition_handling = pause_minority",
            f"cluster_formation.discovery_retry_limit = {1 if self.name == peers[0] else 10}",
            "net_ticktime = 5",  # a node that is gone is noticed within seconds
            "log.console = false",
            "log.file.level = warning",
            "disk_free_limit.absolute = 100MB",
            *(
                f"cluster_formation.classic_config.nodes.{number} = {peer}"
                for number, peer in enumerate(peers, 1)
            ),
            *lines,
        ]
        (self._folder / "rabbitmq.conf").write_text("\n".join(settings) + "\n")

    def start(self) -> None:
        """Begin to start; `wait` tells when it takes messages."""
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [str(SERVER)],
                env=self.environment,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Until it is a running member. Raises RuntimeError with the end of its log."""
        ends_s = time.monotonic() + START_S
        while time.monotonic() < ends_s and self.running:
            with contextlib.suppress(subprocess.CalledProcessError):
                self._cluster.ctl("await_startup", "--timeout", "20", node=self)
                return
        raise RuntimeError(f"{self.name} did not start:\n{self.log[-3000:]}")

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        files = [self._folder / "output", *sorted((self._folder / "log").glob("*.log"))]
        return "\n".join(f.read_text(errors="replace") for f in files if f.exists())

    def kill(self) -> None:
        """kill -9, with the helper processes it has."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            while self._answers():  # the group's last process may outlive its first
                time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.mqtt_port), 0.5).close()
        except OSError:
            return False
        return True


class Cluster:
    """Starts on making; `with` stops it and removes everything."""

    def __init__(self, size: int = 3, settings: Sequence[str] = ()) -> None:
        self.tag = secrets.token_hex(3)
        self.folder = Path(tempfile.mkdtemp(prefix="cluster-"))
        self.epmd_port = free_port()
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        self.nodes = [Node(self, number) for number in range(1, size + 1)]
        names = [node.name for node in self.nodes]
        for node in self.nodes:
            node.write(names, settings)
        self._epmd: subprocess.Popen[bytes] | None = None
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        self._epmd = subprocess.Popen(
            [str(EPMD), "-port", str(self.epmd_port), "-address", "127.0.0.1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        # One after the other: two that join at the same time may wait for each other for ever.
        for node in self.nodes:
            node.start()
            node.wait()

    def ctl(self, *words: str, node: Node | None = None) -> str:
        """What rabbitmqctl answers. Raises CalledProcessError."""
        asked = node or next(each for each in self.nodes if each.running)
        command = [str(CTL), "--quiet", "--node", asked.name, *words]
        done = subprocess.run(
            command, env=asked.environment, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
