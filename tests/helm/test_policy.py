"""Pod Security "restricted" and what goes beyond it, over every pod that the chart can render."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.helm.chart import CASES, DOCUMENTS, GIT, POSTGRESQL, SSH, Manifest, case_id, only, pods, render
from tests.helm.pod import SCRATCH

VOLUMES = {"configMap", "downwardAPI", "emptyDir", "nfs", "persistentVolumeClaim", "projected", "secret"}
"""Those of "restricted", and nfs, which one of the values files asks for."""


def complaints(pod: Manifest) -> list[str]:
    """What is wrong with a pod, one line each."""
    inside = pod["securityContext"]
    wishes = {
        "no token": pod["automountServiceAccountToken"] is False,
        "not the host's": not any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")),
        "not root": inside["runAsNonRoot"] is True and inside.get("runAsUser") != 0,
        "seccomp": inside["seccompProfile"] == {"type": "RuntimeDefault"},
        "known volumes": all(set(one) - {"name"} <= VOLUMES for one in pod["volumes"]),
        "mounts fit": all(mounts(one) <= {volume["name"] for volume in pod["volumes"]} for one in containers(pod)),
    }
    found = [wish for wish, holds in wishes.items() if not holds]
    return found + [line for one in containers(pod) for line in container_complaints(one)]


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def mounts(container: Manifest) -> set[str]:
    return {one["name"] for one in container["volumeMounts"]}


def container_complaints(container: Manifest) -> list[str]:
    inside, resources = container["securityContext"], container["resources"]
    wishes = {
        "no privilege": inside["privileged"] is False and inside["allowPrivilegeEscalation"] is False,
        "no capabilities": inside["capabilities"] == {"drop": ["ALL"]},
        "read-only": inside["readOnlyRootFilesystem"] is True,
        "not root": inside["runAsNonRoot"] is True,
        "limits": set(resources["limits"]) >= {"cpu", "memory"},
        "requests": set(resources["requests"]) >= {"cpu", "memory"},
        "no port of the host": not any("hostPort" in one for one in container.get("ports", [])),
        "no secret in clear": not any(
            "secret" in str(one.get("value", "")).lower().replace("/run/secrets", "") for one in container["env"]
        ),
        "secrets can't be written": all(
            one.get("readOnly") for one in container["volumeMounts"] if one["name"] == "secrets"
        ),
    }
    return [wish for wish, holds in wishes.items() if not holds]


@pytest.mark.parametrize("values", CASES, ids=case_id)
def test_pods_are_restricted(values: Path) -> None:
    found = pods(render(values))
    assert len(found) >= 1
    for kind, pod in found:
        assert complaints(pod) == [], kind


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("securityContext", "runAsUser"), 0),
        (("automountServiceAccountToken",), True),
        (("hostNetwork",), True),
        (("containers", 0, "securityContext", "privileged"), True),
        (("containers", 0, "securityContext", "capabilities"), {"drop": ["ALL"], "add": ["NET_ADMIN"]}),
        (("containers", 0, "resources", "limits"), {"cpu": "1"}),
        (("volumes", 0), {"name": "config", "hostPath": {"path": "/"}}),
    ],
)
def test_complaints_are_made(path: tuple[Any, ...], value: Any) -> None:
    """What the test above relies on."""
    pod = _copy(pods(render(DOCUMENTS))[0][1])
    *way, last = path
    place: Any = pod
    for step in way:
        place = place[step]
    place[last] = value
    assert complaints(pod) != []


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(one) for key, one in value.items()}
    return [_copy(one) for one in value] if isinstance(value, list) else value


def test_ids() -> None:
    ids = ("runAsUser", "runAsGroup", "fsGroup")
    for values, wanted in ((DOCUMENTS, 10001), (SSH, None)):
        for _, pod in pods(render(values)):
            assert [pod["securityContext"].get(name) for name in ids] == [wanted] * 3


def test_the_account_has_no_rights() -> None:
    for values in CASES:
        kinds = {one["kind"] for one in render(values)}
        assert not kinds & {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "Secret"}
    assert only(render(DOCUMENTS), "ServiceAccount")["automountServiceAccountToken"] is False


def test_every_writable_place_is_a_volume_with_a_bound() -> None:
    for values in CASES:
        for _, pod in pods(render(values)):
            for volume in pod["volumes"]:
                assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"]
            writable = {one["mountPath"] for one in pod["containers"][0]["volumeMounts"] if not one.get("readOnly")}
            assert SCRATCH in writable
            homes = [one for one in pod["containers"][0]["env"] if one["name"] in ("HOME", "XDG_CACHE_HOME")]
            assert all(any(Path(one["value"]).is_relative_to(place) for place in writable) for one in homes)


def test_what_may_be_reached() -> None:
    policy = only(render(DOCUMENTS), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert [[port["port"] for port in rule["ports"]] for rule in policy["egress"]] == [[53, 53], [8892]]
    assert policy["egress"][1]["to"] == [{"podSelector": {"matchLabels": {"app": "control-center"}}}]
    for values, ports in (
        (GIT, [[53, 53], [8892], [443], [443]]),
        (POSTGRESQL, [[53, 53], [8892, 443], [443, 22], [5432]]),
    ):
        policy = only(render(values), "NetworkPolicy")["spec"]
        assert [[port["port"] for port in rule["ports"]] for rule in policy["egress"]] == ports
        assert policy["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "daemon"


def test_who_may_connect() -> None:
    (rule,) = only(render(GIT), "NetworkPolicy")["spec"]["ingress"]
    assert rule["ports"] == [{"port": "http", "protocol": "TCP"}]
    names = [one["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for one in rule["from"][:2]]
    assert names == ["ingress-nginx", "monitoring"]
    test_labels = only(render(GIT), "Pod")["metadata"]["labels"]
    assert rule["from"][2]["podSelector"]["matchLabels"].items() <= test_labels.items()
