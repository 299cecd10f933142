"""Microphones and recordings of sound, as blocks of samples."""
