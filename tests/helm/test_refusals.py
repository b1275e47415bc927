"""What the chart refuses, and what it says then: which value, and the way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.helm.chart import DOCUMENTS, GIT, POSTGRESQL, SSH, changed

INGRESS: dict[str, Any] = {"ingress": {"enabled": True, "hosts": [{"host": "reconciler.example"}]}}

RULES: dict[str, tuple[Path, dict[str, Any], str]] = {
    "replicas on SQLite": (DOCUMENTS, {"replicas": 2}, "replicas: SQLite serves one daemon only; set state.type"),
    "rolling on SQLite": (DOCUMENTS, {"strategy": "RollingUpdate"}, "strategy: with SQLite the old daemon has to stop"),
    "no database": (POSTGRESQL, {"state": {"postgresql": {"secret": ""}}}, "state.postgresql.secret: name the Secret"),
    "no key": (
        POSTGRESQL,
        {"state": {"fingerprintKey": {"secret": ""}}},
        "state.fingerprintKey.secret: PostgreSQL has",
    ),
    "no source": (DOCUMENTS, {"source": {"documents": None}}, "source: nobody said where the desired state is"),
    "two sources": (GIT, {"source": {"configMap": "x"}}, "source: source.git.url and source.configMap are all given"),
    "three sources": (
        GIT,
        {"source": {"configMap": "x", "documents": {"a.yaml": ""}}},
        "source.git.url and source.configMap and source.documents are all given",
    ),
    "token and key": (SSH, {"source": {"git": {"token": "git-key"}}}, "source.git: token and ssh_key are both given"),
    "unknown host": (SSH, {"source": {"git": {"known_hosts": ""}}}, "source.git.known_hosts: an SSH key needs"),
    "no such file": (
        SSH,
        {"source": {"git": {"known_hosts": "hosts"}}},
        "source.git.known_hosts: there is no file hosts",
    ),
    "no authority": (GIT, {"ca": {"secret": ""}}, "source.git.ca: there is no file ca.crt"),
    "two authorities": (GIT, {"ca": {"configMap": "x"}}, "ca: configMap and secret are both given"),
    "configuration as a file": (DOCUMENTS, {"files": {"reconciler.yaml": "x"}}, "files: reconciler.yaml is the config"),
    "no such secret": (
        DOCUMENTS,
        {
            "config": {
                "targets": [{"name": "a", "system": "metadefender", "url": "https://a", "credentials": {"apikey": "k"}}]
            }
        },
        "config.targets: apikey of a: no Secret gives k; add it to the items of one of secrets",
    ),
    "no token's secret": (
        DOCUMENTS,
        {"config": {"daemon": {"tokens": [{"name": "ci", "role": "plan", "secret": "ci"}]}}},
        "config.daemon.tokens: ci: no Secret gives ci",
    ),
    "a secret twice": (
        GIT,
        {"extraEnv": [{"name": "RECONCILER_SECRET_CC_USER", "value": "x"}]},
        "secrets: cc-user is given twice",
    ),
    "ingress without tokens": (DOCUMENTS, INGRESS, "ingress.enabled: without a token nothing but probes is answered"),
    "ingress without a host": (GIT, {"ingress": {"hosts": []}}, "ingress.hosts: name the host"),
    "ingress without TLS": (GIT, {"ingress": {"tls": []}}, "ingress.tls: tokens would travel in clear"),
    "figures without tokens": (
        DOCUMENTS,
        {"serviceMonitor": {"enabled": True}},
        "serviceMonitor.enabled: without a token",
    ),
    "figures without its token": (
        GIT,
        {"serviceMonitor": {"token": {"secret": ""}}},
        "serviceMonitor.token.secret: name",
    ),
    "alerts on nothing": (
        DOCUMENTS,
        {"prometheusRule": {"enabled": True}},
        "prometheusRule.selector: without a ServiceMonitor",
    ),
    "a path of the node": (
        DOCUMENTS,
        {"extraVolumes": [{"name": "root", "hostPath": {"path": "/"}}]},
        "extraVolumes: root is a hostPath",
    ),
}

SCHEMA: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": ({"replica": 2}, "Additional property replica is not allowed"),
    "unknown below": ({"service": {"ports": 80}}, "service: Additional property ports is not allowed"),
    "unknown in the configuration": ({"config": {"targts": []}}, "config: Additional property targts is not allowed"),
    "the chart's own": (
        {"config": {"daemon": {"listen": "127.0.0.1:80"}}},
        "Additional property listen is not allowed",
    ),
    "no targets": ({"config": {"targets": []}}, "config.targets: Array must have at least 1 items"),
    "not a number": ({"replicas": "two"}, "replicas: Invalid type. Expected: integer, given: string"),
    "too many": ({"replicas": 99}, "replicas: Must be less than or equal to 32"),
    "no such state": ({"state": {"type": "mysql"}}, 'state.type must be one of the following: "sqlite", "postgresql"'),
    "a port": ({"service": {"port": 70000}}, "service.port: Must be less than or equal to 65535"),
    "a value as a secret's name": (
        {"secrets": [{"name": "x", "items": {"CC_USER": "ADMIN_USER"}}]},
        "secrets.0.items: Property name of",
    ),
    "no limits": ({"resources": {"limits": None}}, "resources: limits is required"),
    "too little time": ({"terminationGracePeriodSeconds": 10}, "Must be greater than or equal to 26"),
    "no such alert": ({"prometheusRule": {"disabled": ["All"]}}, "prometheusRule.disabled.0 must be one of"),
    "a variable of the chart's": ({"extraEnv": [{"name": "RECONCILER_STATE", "value": "x"}]}, "extraEnv.0"),
    "a document's name": ({"source": {"documents": {"a.json": "{}"}}}, "source.documents: Property name of"),
}


@pytest.mark.parametrize("case", RULES)
def test_rule(case: str, tmp_path: Path) -> None:
    values, change, said = RULES[case]
    assert_refused(values, change, said, tmp_path)


@pytest.mark.parametrize("case", SCHEMA)
def test_schema(case: str, tmp_path: Path) -> None:
    change, said = SCHEMA[case]
    assert_refused(DOCUMENTS, change, said, tmp_path)


def assert_refused(values: Path, change: dict[str, Any], said: str, folder: Path) -> None:
    done = changed(values, folder, change)
    assert done.returncode != 0
    assert done.stdout == ""
    assert said in done.stderr


def test_tokens_may_come_from_variables(tmp_path: Path) -> None:
    token = {"name": "RECONCILER_READ_TOKEN", "valueFrom": {"secretKeyRef": {"name": "tokens", "key": "read"}}}
    done = changed(
        DOCUMENTS, tmp_path, INGRESS | {"extraEnv": [token]} | {"ingress": INGRESS["ingress"] | {"tlsElsewhere": True}}
    )
    assert done.returncode == 0, done.stderr


def test_a_whole_secret_may_hold_any_name(tmp_path: Path) -> None:
    done = changed(DOCUMENTS, tmp_path, {"secrets": [{"name": "everything"}]})
    assert done.returncode == 0, done.stderr


def test_a_chart_of_charts_may_have_globals(tmp_path: Path) -> None:
    done = changed(DOCUMENTS, tmp_path, {"global": {"registry": "registry.example"}})
    assert done.returncode == 0, done.stderr
