"""What is to be known of the pictures that leave the unit, as findings."""

from edge.media.media import Media
from edge.reporting.finding import Finding, about


def media_findings(media: Media) -> list[Finding]:
    """The face model, what is unlocked, and whether pictures find room."""
    found = []
    finding = about("media")
    if media.studio.face_error:
        text = f"heads are covered by geometry alone: {media.studio.face_error}"
        action = "patrol-edge models pull face-yunet, or set media.face_model"
        found.append(finding("face_model_missing", "warning", text, action))
    spool = media.spool.stats()
    if spool.fault:
        text = f"pictures are not kept: {spool.fault}"
        action = "see that the disk has room and state_dir may be written"
        found.append(finding("pictures_not_kept", "warning", text, action))
    for unlock in media.unlocks.now():
        text = f"pictures may leave unredacted: {unlock.by} unlocked it ({unlock.why})"
        action = "it ends by itself; sooner with the command media.lock"
        finding = about(unlock.camera)
        found.append(finding("media_unlocked", "info", text, action))
    return found
