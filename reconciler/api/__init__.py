"""The one place where a request to a managed system leaves the process, so that each rule about it is kept once.

::

    Client.run(flow)            drives the generator, journals writes           client.py flows.py
      Sessions                  one login for all flows, renewed when expired   session.py
      Exchange.send(request)    tries, deadlines, limits, what a status means   exchange.py judge.py retry.py
        build, Upload           what goes out: URL, headers, body               address.py outgoing.py upload.py
        failed                  each error of the library as one of ours        errors_map.py
    make_http(url)              the hardened connection pool under it           factory.py tls.py
    Limits, Hooks, Calls …      what it is told and what it tells               settings.py
"""

from __future__ import annotations

from reconciler.api.client import Client
from reconciler.api.errors_map import BrokenReply
from reconciler.api.factory import make_http
from reconciler.api.settings import Calls, Hooks, Journal, Limits
from reconciler.api.tls import Tls

__all__ = ["BrokenReply", "Calls", "Client", "Hooks", "Journal", "Limits", "Tls", "make_http"]
