"""The running unit's part: it changes over, watches what is on trial, keeps it or goes back."""
