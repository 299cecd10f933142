"""Pictures for the hub: chosen, redacted, spooled; and the one command that lifts the redaction."""
