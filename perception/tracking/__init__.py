"""From boxes to tracks: association over time, motion, files of tracks."""
