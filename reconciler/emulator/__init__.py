"""An embedded Control Center that speaks the REST API, to rehearse and to test on.

It stands in for a cluster that nobody has at hand: its answers come from the published reference, and where that is
silent, from switches that can be set either way. It knows nothing of the rest of the package.
"""
