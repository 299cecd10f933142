"""Frames in, detections, tracks and episodes out. Knows no device and no network."""
