"""The durable queue: from `put` to the disk, and from the disk to whoever sends."""
