"""``reconciler.yaml``: several targets, each with its system, its folders, its credentials by name, its policy; and
how the daemon runs."""

from reconciler.config.bindings import SecretsConfig
from reconciler.config.daemon import DaemonConfig
from reconciler.config.models import ConfigFile, TargetConfig
from reconciler.config.reading import read_config

__all__ = ["ConfigFile", "DaemonConfig", "SecretsConfig", "TargetConfig", "read_config"]
