"""One file per family of detectors: how pictures go in and how boxes come out."""
