"""What is written from the contract for hub engineers: `docs/contract/`."""
