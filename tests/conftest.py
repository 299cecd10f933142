"""Files that take long begin first, so that none of them is left to end alone (see Makefile).

And no example of a property fails because it took long: others run beside it. A run that a shell
began in the background ignores Ctrl-C, and so would each program that a test starts and ends by it.
"""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")
# OpenCV reads it once, when it opens its first file; that may be one that a test writes.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The longest first, by a run on two cores; the rest follows as pytest found it.
LONG = (
    "parts/test_fleet.py",
    "e2e/test_conformance.py",
    "e2e/test_trial.py",
    "parts/test_doctor_devices.py",
    "parts/test_torture_short.py",
    "parts/test_hub_errands.py",
    "e2e/test_flash_running_unit.py",
    "e2e/test_flash_from_hub.py",
    "parts/test_flash_contents.py",
    "parts/test_doctor_collect.py",
    "parts/test_provision.py",
    "parts/test_firmware_command.py",
    "parts/test_board_link.py",
    "parts/test_enrolment.py",
    "parts/test_flash_ways.py",
    "parts/test_bundle_command.py",
    "parts/test_transport.py",
    "parts/test_pipeline.py",
    "parts/test_robots.py",
    "parts/test_camera_watch.py",
    "parts/test_task_desk.py",
    "parts/test_systemd_unit.py",
    "parts/test_outbox_command.py",
    "unit/test_task_deadlines.py",
    "rules/test_parking.py",
    "rules/test_camera_state.py",
    "unit/test_thinning.py",
    "parts/test_delivery_rules.py",
    "unit/test_journal.py",
    "unit/test_calibration.py",
    "unit/test_task_ways.py",
    "replay/test_detect_real_models.py",
    "parts/test_replay.py",
    "parts/test_fleet_lives.py",
    "unit/test_simulated_flash.py",
    "rules/test_rule_properties.py",
    "parts/test_listening.py",
    "parts/test_camera_decoding.py",
    "parts/test_outbox.py",
    "parts/test_firmware_apply.py",
    "parts/test_fleet_sizing.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate(LONG)}

    def begins(item: pytest.Item) -> int:
        return place.get("/".join(item.path.parts[-2:]), len(LONG))

    items.sort(key=begins)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """A command that runs in this process blocks the signals that stop it (`run`, `fleet`), and all
    programs that later tests start would inherit that."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        return (yield)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
