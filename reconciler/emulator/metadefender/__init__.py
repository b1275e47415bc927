"""The emulated Control Center of a MetaDefender Distributed Cluster."""
