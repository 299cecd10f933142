"""Whether a camera still sees what it should: covered, blinded, moved, blurred, frozen."""
