"""From a search to its messages."""

from edge.reporting.places import ground_place
from edge.search.candidates import Candidate
from edge.seeing.witness import Witness, box_of
from perception.search.area import SearchedArea
from telemetry.contract.search import (
    CandidateEnd,
    SearchEnd,
    SearchEvent,
    SearchPlace,
    SearchProgressEvent,
    SearchStart,
)
from telemetry.contract.up_message import Phase
from telemetry.contract.wire_types import short


def progress_event(
    asked: SearchStart,
    area: SearchedArea,
    phase: Phase,
    reason: SearchEnd | None,
    looks: int,
    candidates: int,
) -> SearchProgressEvent:
    return SearchProgressEvent(
        phase=phase,
        search=asked.search,
        searched=area.share,
        looks=looks,
        candidates=candidates,
        rings=tuple(
            tuple(SearchPlace(lat_deg=lat, lon_deg=lon) for lat, lon in ring)
            for ring in area.rings()
        ),
        reason=reason,
    )


def candidate_event(
    asked: SearchStart,
    found: Candidate,
    phase: Phase,
    reason: CandidateEnd | None,
    witness: Witness,
) -> SearchEvent | None:
    """None where it has no episode, or was never judged."""
    scene, like = found.scene, found.likeness
    if scene is None or like is None or found.episode is None:
        return None
    mono_s = found.evidence.last_mono_s
    pose, missing = witness.pose_at(mono_s)
    box, size = box_of(found.track, scene)
    point, frame = found.track.point, scene.frame
    return SearchEvent(
        phase=phase,
        episode=found.episode,
        search=asked.search,
        legal_basis=asked.legal_basis,
        score=like.score,
        score_error=like.error,
        looks=like.looks,
        matched=like.matched,
        unmatched=like.unmatched,
        unknown=like.unknown,
        label=found.track.label,
        camera=short(found.track.camera),
        track=found.track.track_id,
        box=box,
        frame=size,
        last_seen=witness.at(mono_s)[0],
        place=ground_place(point, frame) if point and frame else None,
        inside=found.inside,
        pose=pose,
        pose_missing=missing,
        reason=reason,
    )
