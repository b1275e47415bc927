"""Follows a branch of a repository with the ``git`` command: a bare mirror, whose files are read without a checkout.

What git does on its own is switched off: hooks, submodules, other protocols than the URL's, redirects, the user's
configuration, questions at a terminal. Needs git 2.29 or newer; ``ssh`` for ssh URLs, ``ssh-keygen`` for signatures.

::

    Repository                what is followed, and with which credentials        repository.py
    GitSource                 fetch, read, accept, good                           source.py

    a URL, checked            address.py      the copy on disk                    mirror.py
    running git               process.py      what is a file of the tree          listing.py
    credentials for a call    access.py       their contents                      blobs.py
    what git's words mean     failures.py
"""

from __future__ import annotations

from reconciler.sources.git.repository import Repository
from reconciler.sources.git.source import GitSource

__all__ = ["GitSource", "Repository"]
