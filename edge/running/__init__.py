"""Threads and what crosses between them: workers, their watch, drivers kept open, one process."""
