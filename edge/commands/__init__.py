"""Being commanded, as far as it takes threads: the inbox, the workers, who is in command."""
