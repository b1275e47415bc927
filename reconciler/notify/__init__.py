"""Telling people: a message when a target's outcome changes, and a mark on the commit that was reconciled.

::

    Notifier                  what is worth telling, queues, tries                     notifier.py changes.py tries.py
      Webhook, Apprise        one message to one address                               webhook.py chat.py
      CommitStatus            the newest state of a revision, to GitHub or GitLab      commit_status.py forges.py
        Post                  the one way out, over the hardened client                post.py
    make_channels             the channels of a configuration                          channels.py
    Message                   what is told                                             message.py
"""

from __future__ import annotations

from reconciler.notify.channels import AppriseTo, StatusTo, WebhookTo, make_channels, make_status
from reconciler.notify.commit_status import CommitStatus
from reconciler.notify.message import Message
from reconciler.notify.notifier import Channel, Notifier
from reconciler.notify.post import Way

__all__ = [
    "AppriseTo",
    "Channel",
    "CommitStatus",
    "Message",
    "Notifier",
    "StatusTo",
    "Way",
    "WebhookTo",
    "make_channels",
    "make_status",
]
