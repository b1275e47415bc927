"""``python -m reconciler`` and the ``reconciler`` script."""

from __future__ import annotations

import os

# We have no plugins of pydantic's, and looking for some reads the metadata of every installed package at each start.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from reconciler.cli.start import main

if __name__ == "__main__":
    main()
