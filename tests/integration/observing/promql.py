"""What a PromQL expression asks for, by a real parser of the language."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import promql_parser

SCRAPED = {"instance", "job"}
"""Labels that Prometheus adds to all that it scrapes."""
_VARIABLES = {"$__rate_interval": "5m", "$__interval": "1m"}


@dataclass
class Asked:
    """Metrics with the labels that are matched, as (metric, label, value or None for a pattern); labels grouped by."""

    metrics: set[str] = field(default_factory=set)
    matched: set[tuple[str, str, str | None]] = field(default_factory=set)
    grouped: set[str] = field(default_factory=set)


def asked(expression: str) -> Asked:
    """Return what an expression asks for; ValueError where it is no PromQL. Grafana's intervals may stand in it."""
    for variable, stand_in in _VARIABLES.items():
        expression = expression.replace(variable, stand_in)
    found = Asked()

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.metrics.add(node.name)
            for one in node.matchers.matchers:
                plain = str(one.op) in ("MatchOp.Equal", "MatchOp.NotEqual")
                found.matched.add((node.name, one.name, one.value if plain else None))
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            found.grouped.update(node.modifier.labels)
        elif isinstance(node, promql_parser.BinaryExpr) and node.modifier is not None:
            matching = node.modifier.matching
            found.grouped.update(matching.labels if matching is not None else ())
            found.grouped.update(node.modifier.group_labels or ())

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def faults(expression: str, labels: dict[str, set[str]], values: dict[tuple[str, str], set[str]]) -> list[str]:
    """Return what an expression asks for that is not there.

    Args:
        labels: sample -> its labels.
        values: (sample, label) -> the values that it can have.
    """
    try:
        wants = asked(expression)
    except ValueError as error:
        return [f"{expression}: {error}"]
    wrong = [f"{expression}: no metric {one}" for one in wants.metrics - labels.keys()]
    for metric, label, value in wants.matched:
        if label not in labels.get(metric, set()) | SCRAPED:
            wrong.append(f"{expression}: {metric} has no label {label}")
        elif value is not None and label not in SCRAPED and value not in values[metric, label]:
            wrong.append(f"{expression}: {metric} never has {label}={value}")
    there = SCRAPED.union(*(labels.get(metric, set()) for metric in wants.metrics))
    return wrong + [f"{expression}: groups by {one}, which nothing in it has" for one in wants.grouped - there]


def shown_labels(text: str) -> set[str]:
    """Return the labels that a legend (`{{target}}`) or an annotation (`{{ $labels.target }}`) shows."""
    return set(re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", text))


def kept_labels(expression: str, labels: dict[str, set[str]]) -> set[str]:
    """Return the labels that a result can have: those that it groups by, else those of its metrics."""
    wants = asked(expression)
    outermost = promql_parser.parse(expression.replace("$__rate_interval", "5m").replace("$__interval", "1m"))
    while isinstance(outermost, promql_parser.BinaryExpr | promql_parser.ParenExpr):
        outermost = outermost.lhs if isinstance(outermost, promql_parser.BinaryExpr) else outermost.expr
    if isinstance(outermost, promql_parser.AggregateExpr):
        return set(outermost.modifier.labels) if outermost.modifier is not None else set()
    if wants.grouped and isinstance(outermost, promql_parser.Call):
        return wants.grouped
    return SCRAPED.union(*(labels.get(metric, set()) for metric in wants.metrics))
