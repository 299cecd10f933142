"""`make demo`: the whole main job on one machine, and the broker on loopback that it needs."""
