"""Devices: one file per device, each a `Driver` that hands over samples."""
