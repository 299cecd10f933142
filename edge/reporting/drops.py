"""Everything that was lost since the start, by where and why, for the health report."""

from edge.reporting.parts import Parts


def drops_of(parts: Parts) -> dict[str, int]:
    """Counts by `place.cause`; zeros are left out."""
    drops = _of_devices(parts) | parts.finders.drops() | parts.body.drops() | parts.acting.drops()
    drops["moving.events_untold"] = parts.moving.tales.overflow
    drops["boards.events_untold"] = parts.board_news.overflow
    if parts.media is not None:
        drops |= {f"media.{cause}": count for cause, count in parts.media.drops().items()}
    drops |= {f"outbox.{cause}": count for cause, count in parts.outbox.stats().drops.items()}
    drops |= {f"link.{cause}": count for cause, count in parts.publisher.stats().down.items()}
    commands = parts.commanding.health()
    drops["commands.inbox_full"] = commands.overflow
    drops |= {f"commands.{code}": count for code, count in commands.intake.refused.items()}
    return {name: count for name, count in drops.items() if count}


def _of_devices(parts: Parts) -> dict[str, int]:
    drops = {
        f"camera.{name}.{cause}": count
        for name in parts.cameras
        for cause, count in parts.camera_drops(name).items()
    }
    drops |= {
        f"gnss.{name}.{cause}": count
        for name, receiver in parts.receivers.items()
        for cause, count in receiver.health.drops().items()
    }
    drops |= {f"pose.{cause}": count for cause, count in parts.poses.counts().items()}
    if parts.vision is not None:
        drops |= {
            f"tracker.{name}.{cause}": count
            for name, tally in parts.vision.tallies.items()
            for cause, count in tally.refused.items()
        }
    drops |= {
        f"microphone.{name}.{cause}": count
        for name, health in parts.listening.devices.items()
        for cause, count in health.drops().items()
    }
    drops |= {
        f"microphone.{name}.bad_samples": count
        for name, count in parts.listening.bad_samples.items()
    }
    return drops
