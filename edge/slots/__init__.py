"""The slots on the disk, below whoever starts and whoever flashes."""
