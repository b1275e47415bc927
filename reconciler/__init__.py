"""Keeps MetaDefender Distributed Clusters, and systems like them, in the state that git describes."""

__version__ = "0.1.0"
