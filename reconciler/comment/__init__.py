"""One comment on a pull request or merge request, put there once and updated in place ever after.

::

    place_from(…)    which pull request is meant, from flags and the CI's variables   places.py
    forge.…          what GitHub and GitLab want to be asked                          forges.py
    body_of(…)       the text: the marker, the plans, what failed; made to fit        body.py
    put(…)           find our own comment, then make or change it                     posting.py

It is found by a marker that nobody sees, and only where it is our own: a stranger's comment with the same marker is
never touched.
"""

from __future__ import annotations

from reconciler.comment.body import body_of
from reconciler.comment.forges import FORGES, Forge
from reconciler.comment.places import Place, place_from, token_from
from reconciler.comment.posting import Posted, put

__all__ = ["FORGES", "Forge", "Place", "Posted", "body_of", "place_from", "put", "token_from"]
