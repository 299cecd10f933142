"""The other scenes of `make demo`: a robot dog, a drone."""

from pathlib import Path

import pytest

from tests.demo_process import told_by


def test_a_robot_dog_shines_and_is_dark_in_stealth(tmp_path: Path) -> None:
    said = told_by(tmp_path, "--scene", "dog", "--broker", "amqtt")
    assert "✗" not in said
    for told in ("searchlight on", "stealth: dark and silent at once", "siren refused in stealth"):
        assert f"✓  {told}" in said


def test_a_drone_is_followed_from_a_recording_and_brought_back_into_its_fence(
    tmp_path: Path,
) -> None:
    pytest.importorskip("pymavlink")
    said = told_by(tmp_path, "--scene", "drone", "--broker", "amqtt")
    assert "✗" not in said
    for told in ("mission followed to its end", "the unit orders it home, and it obeys"):
        assert f"✓  {told}" in said
