"""The daemon: looks at the desired and the live state again and again, and brings them together."""
