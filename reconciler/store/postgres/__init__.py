"""A state in PostgreSQL: several replicas share it, and each target has the one writer that holds its lease."""
