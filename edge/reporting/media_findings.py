"""What is to be known of the pictures that leave the unit, as findings."""

from config.language import tell
from edge.media.media import Media
from edge.reporting.finding import Finding, about


def media_findings(media: Media) -> list[Finding]:
    """The face model, what is unlocked, and whether pictures find room."""
    found = []
    finding = about("media")
    if media.studio.face_error:
        text = tell("heads are covered by geometry alone: {error}", error=media.studio.face_error)
        action = tell("patrol-edge models pull face-yunet, or set media.face_model")
        found.append(finding("face_model_missing", "warning", text, action))
    spool = media.spool.stats()
    if spool.fault:
        text = tell("pictures are not kept: {fault}", fault=spool.fault)
        action = tell("see that the disk has room and state_dir may be written")
        found.append(finding("pictures_not_kept", "warning", text, action))
    for unlock in media.unlocks.now():
        text = tell(
            "pictures may leave unredacted: {by} unlocked it ({why})", by=unlock.by, why=unlock.why
        )
        action = tell("it ends by itself; sooner with the command media.lock")
        finding = about(unlock.camera)
        found.append(finding("media_unlocked", "info", text, action))
    return found
