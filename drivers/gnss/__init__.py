"""GNSS receivers: the bytes of one, whatever carries them, as epochs."""
