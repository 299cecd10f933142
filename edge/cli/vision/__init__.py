"""Commands for pictures and models: detect, track, fetch a model."""
