"""The OpenAPI document: valid, whole, the same as what is served; and Schemathesis, which tries to prove otherwise."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.routing import Mount, Route
from structlog.typing import EventDict

from reconciler.config.daemon import PlanLimits
from reconciler.web import document
from reconciler.web.app import create_app
from reconciler.web.table import OPERATIONS
from tests.systems import kit
from tests.web.control import MemoryControl
from tests.web.serving import HOOK, Served, serving, settings

DOCUMENT: dict[str, Any] = document.make(OPERATIONS)


def test_it_is_valid():
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_it_is_served_as_it_is(shared: Served):
    assert shared.ask("GET", "/api/v1/openapi.json", None).json() == DOCUMENT


def test_every_route_is_in_it_and_the_reverse(shared: Served):
    app = create_app(MemoryControl(), settings())
    api = r"/(api|hooks|metrics|healthz|readyz)\b"
    routes = {route.path for route in app.routes if isinstance(route, Route) and re.match(api, route.path)}
    assert routes == set(DOCUMENT["paths"])
    assert [route.path for route in app.routes if isinstance(route, Mount) and route.path == "/api"] == ["/api"]
    for path, methods in DOCUMENT["paths"].items():
        allowed = shared.ask("PATCH", path.replace("{name}", "prod")).headers["allow"].split(", ")
        assert {method.lower() for method in allowed} - {"head"} == set(methods)


def test_each_operation_has_its_own_name():
    names = [operation.id for operation in OPERATIONS]
    assert len(set(names)) == len(names)
    assert len({(operation.method, operation.path) for operation in OPERATIONS}) == len(names)


def test_every_reference_leads_somewhere_and_every_schema_is_used():
    refs = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(DOCUMENT)))
    assert refs == set(DOCUMENT["components"]["schemas"])


def test_plans_are_described_by_the_published_schema(shared: Served):
    body = {"files": [{"name": "a.yaml", "content": kit.role("r")}], "targets": ["lab"]}
    found = shared.ask("POST", "/api/v1/plan", json=body).json()
    answer = DOCUMENT["paths"]["/api/v1/plan"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    schema = {**answer, "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(found)
    del found["items"][0]["steps"][0]["reason"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(found)


CONFIG = """
color = false
seed = 1
request-timeout = 10
workers = 1

[auth.openapi.token]
bearer = "operate-token-0123456789"

[auth.openapi.gitlab]
api_key = "{hook}"

[phases.examples]
enabled = true

[phases.coverage]
enabled = true

[phases.fuzzing]
enabled = true

[phases.stateful]
enabled = false

[generation]
max-examples = {examples}
database = "none"

[parameters]
"path.name" = "prod"
"query.target" = "prod"

# The stream has no end; the same events as JSON do.
[headers]
Accept = "application/json"

# What a body means can be refused with 422 too: a tree with problems, a digest that no plan has.
[[operations]]
include-operation-id = ["makePlans", "approve", "adopt", "forget", "resolve"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429", "5xx"]
"""


@pytest.mark.ci
def test_schemathesis_finds_nothing(tmp_path: Path, logs: list[EventDict]):
    """With every check that Schemathesis has; and each operation was not only refused."""
    found = schemathesis(tmp_path, examples=10)
    assert found.returncode == 0, found.stdout[-8000:]
    served = {
        (one["method"], re.sub("/targets/[^/]+", "/targets/{name}", one["path"]))
        for one in logs
        if one["event"] == "request" and one["status"] < 300
    }
    assert {(operation.method, operation.path) for operation in OPERATIONS} - served == set()
    assert not [one for one in logs if one["log_level"] == "error"]


@pytest.mark.long
def test_schemathesis_finds_nothing_at_length(tmp_path: Path):
    found = schemathesis(tmp_path, examples=200)
    assert found.returncode == 0, found.stdout[-8000:]


def schemathesis(folder: Path, *, examples: int) -> subprocess.CompletedProcess[str]:
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG.format(hook=HOOK.reveal(), examples=examples))
    with serving(plans=PlanLimits(per_minute=1_000_000), hooks_per_minute=1_000_000) as server:
        program = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"]
        command = [*program, f"{server.url}/api/v1/openapi.json", "--checks", "all"]
        environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "120"}
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
        )
