"""The JSON Schema: valid itself, takes what the loader takes, refuses what an editor should underline."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from syncd.config.schema import schema
from tests.unit.config.kinds import KINDS, MINIMUM

TAKEN = [
    "",
    "environment: null\nstate_dir: '${DIR}'\nowner_was: [old]",
    "consul: {address: 'http://c:1', token: '${T:-}', prefix: blog/, wait: 30s, tls: {ca_file: null, verify: '${V}'}}",
    "debounce: {quiet: 0ms}\nreconcile: {interval: 1h30m}\nlimits: {min_entries: '${N}', allow_empty: true}",
    "http: null",
    "http: {listen: 127.0.0.1:0, hosts: [a]}",
    "reloads: {n: {check: [nginx, -t], run: [sleep, 5], timeout: '${T}', signal: null}}",
    "reloads: {n: {http: {url: 'http://a', headers: {A: 5}, status: [200], retries: '${R}'}, probe: {tcp: 'a:1'}}}",
    "reloads: {n: {docker: {service: a, exec: [b]}, jitter: 5s, result_file: x}}",
    "targets: {a: {kind: pairs, space: 123456, limit: '${L}', keys: [a], limits: {max_delete_percent: 10}}}",
    "targets: {a: {kind: file, path: x, mode: '0600', vars: {A: b, C: {key: d, format: csv}, E: {key: '${K}'}}}}",
    "targets: {a: {kind: file, path: x, mode: '${MODE}', user: 1000, group: www, reload: n}}",
]
REFUSED = [
    "version: 2",
    "targets: null",
    "debonce: {}",
    "debounce: {quiet: 5}",
    "reconcile: {interval: 5 minutes}",
    "limits: {min_entries: many}",
    "reloads: {n: {run: nginx -t}}",
    "targets: {a: {path: x}}",
    "targets: {a: {kind: none}}",
    "targets: {a: {kind: pairs}}",
    "targets: {a: {kind: pairs, space: s, path: x}}",
    "targets: {a: {kind: file, path: x, mode: 0600}}",
    "targets: {a: {kind: file, path: x, vars: {C: {key: d, format: yaml}}}}",
]


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    """A validator of the schema of the tests' own kinds."""
    whole = schema(KINDS)
    Draft202012Validator.check_schema(whole)
    return Draft202012Validator(whole)


def document(more: str) -> Any:
    """Return the minimum with more keys, as a plain YAML reader reads it."""
    return yaml.safe_load(MINIMUM) | (yaml.safe_load(more) or {})


@pytest.mark.parametrize("more", TAKEN)
def test_taken(validator: Draft202012Validator, more: str) -> None:
    """Sound files, with `${VAR}` wherever the loader expands one."""
    assert [error.message for error in validator.iter_errors(document(more))] == []


@pytest.mark.parametrize("more", REFUSED)
def test_refused(validator: Draft202012Validator, more: str) -> None:
    """Faulty ones."""
    assert not validator.is_valid(document(more))


def test_required(validator: Draft202012Validator) -> None:
    """Version, owner and targets; nothing else."""
    assert sorted(error.message for error in validator.iter_errors({})) == [
        "'owner' is a required property",
        "'targets' is a required property",
        "'version' is a required property",
    ]


def test_defaults_are_as_the_file_says_them() -> None:
    """A default of a duration has its unit."""
    parts = schema(KINDS)["$defs"]
    assert parts["Debounce"]["properties"]["quiet"]["default"] == "50ms"
    assert parts["Reconcile"]["properties"]["interval"]["default"] == "5m"
    assert parts["Reload"]["properties"]["min_interval"]["default"] == "0s"
