"""How much is read before it is refused, so that no file can exhaust time or memory."""

MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 100
MAX_DOCUMENTS = 200_000
MAX_VALUES = 5_000_000
"""Values (keys, scalars, lists, maps and their ends) in all files together."""

MAX_DOCUMENT_VALUES = 50_000
MAX_PROBLEMS = 1_000
"""Problems told of one file."""

MAX_BROKEN = 20
"""Documents of one file that aren't YAML at all, before the rest of it is left unread."""

MAX_NAME = 256
