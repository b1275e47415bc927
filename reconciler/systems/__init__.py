"""The systems that can be managed, one package or file each; the engine knows them by their contracts only."""
