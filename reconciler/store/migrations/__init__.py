"""The way from each schema version to the next, for states that an older program has made."""
