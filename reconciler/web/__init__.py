"""The daemon's HTTP side: probes, metrics, the API and the status page, on a port of their own."""
