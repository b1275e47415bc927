"""How fast and how large the daemon is, measured on real processes: `scripts/bench`."""
