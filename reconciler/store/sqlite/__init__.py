"""A state in a SQLite file: one process writes, held by a lock of the operating system; others read beside it."""
