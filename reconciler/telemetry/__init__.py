"""What the process tells about itself: logs without secrets in them, and figures for Prometheus.

::

    configure, about      structlog and the libraries' logging, one line an event      logs.py console.py plain.py
    Redactor              what must never be read anywhere                             redact.py forms.py
    Metrics               the figures, and how they are written down                   metrics.py figures.py
"""

from __future__ import annotations

from reconciler.telemetry.logs import about, catch_strays, configure
from reconciler.telemetry.metrics import Metrics
from reconciler.telemetry.redact import Redactor

__all__ = ["Metrics", "Redactor", "about", "catch_strays", "configure"]
