"""Order of start and stop, the watchdog over a real notification socket, dead and hung workers."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.clock import SystemClock
from edge.running.sdnotify import SystemdNotifier
from edge.running.supervisor import Crew, Supervisor
from edge.running.worker import Beat, Worker
from tests.fakes import ManualClock


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(5.0)
        yield sock


def environ(sock: socket.socket) -> dict[str, str]:
    return {"NOTIFY_SOCKET": sock.getsockname(), "WATCHDOG_USEC": "300000"}


def crew_of(name: str, log: list[str]) -> Crew:
    crew = Crew(stop_within_s=1.0)

    def work(beat: Beat) -> None:
        log.append(f"{name} up")
        while not crew.stop.wait(0.01):
            beat()
        log.append(f"{name} down")

    crew.workers.append(Worker(name, work, crew.stop, SystemClock(), essential=True))
    return crew


def after(seconds: float) -> Callable[[float], bool]:
    """A `wait` that says stop after so long."""
    deadline = time.monotonic() + seconds

    def wait(timeout_s: float) -> bool:
        time.sleep(max(0.0, min(timeout_s, deadline - time.monotonic())))
        return time.monotonic() >= deadline

    return wait


def test_what_delivers_starts_first_and_stops_last(systemd: socket.socket) -> None:
    log: list[str] = []
    crews = [crew_of("disk", log), crew_of("sources", log)]
    boss = Supervisor(crews, SystemdNotifier(environ(systemd)), SystemClock())
    boss.start()
    assert boss.watch(after(0.5)) == 0
    assert boss.stop() == []

    assert log[-2:] == ["sources down", "disk down"]
    heard = [systemd.recv(200).decode() for _ in range(3)]
    assert heard[0].startswith("READY=1")
    assert heard[1:] == ["WATCHDOG=1", "WATCHDOG=1"]


def test_the_watchdog_starves_when_an_essential_worker_hangs(systemd: socket.socket) -> None:
    clock, crew, begun = ManualClock(), Crew(stop_within_s=0.2), threading.Event()

    def hang(beat: Beat) -> None:
        beat()
        begun.set()
        crew.stop.wait(9)

    crew.workers.append(Worker("hangs", hang, crew.stop, clock, essential=True, stuck_after_s=10.0))
    boss = Supervisor([crew], SystemdNotifier(environ(systemd)), clock)
    boss.start()
    assert begun.wait(20)
    clock.advance(11.0)
    assert boss.watch(after(0.4)) == 0
    assert [worker.name for worker in boss.stuck()] == ["hangs"]
    boss.stop()

    heard = [systemd.recv(200).decode().split("\n")[0] for _ in range(2)]
    assert heard == ["READY=1", "STOPPING=1"], "no WATCHDOG=1 in between"


def test_a_dead_essential_worker_ends_the_watch() -> None:
    crew = Crew(stop_within_s=0.5)

    def die(beat: Beat) -> None:
        raise RuntimeError("broken")

    crew.workers.append(Worker("dies", die, crew.stop, SystemClock(), essential=True))
    boss = Supervisor([crew], SystemdNotifier({}), SystemClock())
    boss.start()
    assert boss.watch(after(5.0)) == 1


def test_a_thread_that_cannot_be_stopped_is_left_behind_and_named() -> None:
    begun, release = threading.Event(), threading.Event()
    crew = Crew(stop_within_s=0.1)

    def hear_nothing(beat: Beat) -> None:
        begun.set()
        release.wait(20)

    crew.workers.append(Worker("deaf", hear_nothing, crew.stop, SystemClock(), essential=False))
    boss = Supervisor([crew], SystemdNotifier({}), SystemClock())
    boss.start()
    assert begun.wait(20)
    assert boss.stop() == ["deaf"]
    release.set()


def test_a_stop_signal_is_fetched_not_handled() -> None:
    script = (
        "from edge.running.supervisor import block_stop_signals, wait_for_stop_signal\n"
        "block_stop_signals()\n"
        "print('ready', flush=True)\n"
        "print(wait_for_stop_signal(20.0))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGTERM)
        assert process.stdout.read() == "True\n"
    assert process.returncode == 0


def test_to_be_frozen_and_to_go_on_is_no_stop_signal() -> None:
    script = (
        "from edge.running.supervisor import block_stop_signals, wait_for_stop_signal\n"
        "block_stop_signals()\n"
        "while True:\n"
        "    print(wait_for_stop_signal(0.5), flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "False\n"
        for _ in range(3):
            os.kill(process.pid, signal.SIGSTOP)
            os.waitpid(process.pid, os.WUNTRACED)
            time.sleep(0.7)  # longer than it would have waited
            os.kill(process.pid, signal.SIGCONT)
            assert process.stdout.readline() == "False\n"
            assert process.stdout.readline() == "False\n"
        os.kill(process.pid, signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        os.kill(process.pid, signal.SIGTERM)
        time.sleep(0.7)
        os.kill(process.pid, signal.SIGCONT)  # as systemd does
        while (line := process.stdout.readline()) == "False\n":
            pass
        assert line == "True\n"
        process.kill()


def test_without_systemd_nothing_is_sent() -> None:
    notifier = SystemdNotifier({})
    notifier.ready("x")
    notifier.alive()
    notifier.stopping()
    assert notifier.watchdog_s is None


def test_a_notification_socket_that_has_gone_is_borne(tmp_path: Path) -> None:
    SystemdNotifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).alive()
