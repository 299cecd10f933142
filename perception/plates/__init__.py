"""Number plates: found, read, checked against their formats, voted over the pictures of a track."""
