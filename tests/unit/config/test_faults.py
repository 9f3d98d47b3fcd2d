"""Field faults and faults between fields: all in one run, each in our words, none twice."""

from pathlib import Path

import pytest

from tests.unit.config.kinds import faults, rest

FIELDS = {
    "debonce: {}": "debonce: is an unknown key; did you mean 'debounce'?",
    "consul: {foo: 1}": "consul.foo: is an unknown key; known keys: address, datacenter, lock_key, prefix, tls, token, "
    "token_file, wait",
    "limits: {max_delete_percent: 130}": "limits.max_delete_percent: '130' is above 100; write 100 or less",
    "limits: {min_entries: -1}": "limits.min_entries: '-1' is below 0; write 0 or more",
    "limits: {min_entries: five}": "limits.min_entries: 'five' is not a whole number; write one such as 5",
    "limits: {allow_empty: maybe}": "limits.allow_empty: 'maybe' is not true or false; write one of the two",
    "limits: [1]": "limits: a list is not a mapping; write KEY: VALUE lines below it",
    "reconcile:": "reconcile: null is not a mapping; write KEY: VALUE lines below it",
    "reconcile: {interval: 5}": "reconcile.interval: '5' is not a duration; write a number with a unit, such as "
    "50ms, 10s, 5m or 2h",
    "reconcile: {interval: 0s}": "reconcile.interval: '0s' is no time at all; write more than 0s",
    "consul: {wait: 11m}": "consul.wait: '11m' is not between 1s and 10m; write one such as 30s",
    "consul: {prefix: /a}": "consul.prefix: '/a' starts with a slash; leave it out, Consul's keys have none",
    "consul: {prefix: a//}": "consul.prefix: 'a//' is not a prefix; leave out // and the segments . and ..",
    "consul: {lock_key: a/*}": "consul.lock_key: 'a/*' is a glob where one key is needed; name the key",
    "consul: {token: [hunter2]}": "consul.token: is not text; write it in quotes",
    "consul: {tls: {verify: {}}}": "consul.tls.verify: a mapping is not true or false; write one of the two",
    "environment: a/b": "environment: 'a/b' is not an environment; write one name, such as production",
    "sensitive: secrets/**": "sensitive: 'secrets/**' is not a list; write one such as [a, b]",
    "sensitive: [/a]": "sensitive.0: '/a' is not a key; leave out a leading or trailing /, //, and the segments . "
    "and ..",
    "http: {listen: 9464}": "http.listen: '9464' is not HOST:PORT; write one such as 127.0.0.1:9464",
    "http: {listen: 'a:99999'}": "http.listen: 'a:99999' is not HOST:PORT; write one such as 127.0.0.1:9464",
    "reloads: {'a b': {check: [x]}}": "reloads.a b: 'a b' is not a name; write up to 64 letters, digits, . _ and -",
    "reloads: {n: {run: nginx}}": "reloads.n.run: 'nginx' is not a list; write one such as [a, b]",
    "reloads: {n: {run: []}}": "reloads.n.run: a list is shorter than 1; write more",
    "reloads: {n: {signal: {process: x, signal: HUPP}}}": "reloads.n.signal.signal: 'HUPP' is not a signal; write "
    "a name such as HUP",
    "reloads: {n: {unit: x, check: [x]}}": "reloads.n.unit: is an unknown key; known keys: check, debounce, docker, "
    "env, http, jitter, min_interval, probe, result_file, run, signal, timeout",
    '"a\\nb": 1': "a\\nb: is an unknown key; known keys: consul, debounce, environment, history, http, limits, notify, "
    "owner, owner_was, reconcile, reloads, sensitive, state_dir, targets, version",
    "reloads: {n: {run: [x], signal: {process: x}}}": "reloads.n: has run and signal; keep one of them",
    "reloads: {n: {}}": "reloads.n: does nothing; write check, result_file, run, signal, http or docker",
    "reloads: {n: {http: {url: 'http://a', headers: {a: x}, headers_file: {A: f}}}}": "reloads.n.http.headers_file.A: "
    "stands beside the same name in headers; keep one of them",
    "reloads: {n: {http: {url: 'ftp://a'}}}": "reloads.n.http.url: 'ftp://a' is not a URL; write one such as "
    "http://127.0.0.1:9000/reload",
    "reloads: {n: {http: {url: 'http://u:hunter2@a'}}}": "reloads.n.http.url: holds a user name or password; leave it "
    "out and write headers_file.Authorization",
    "reloads: {n: {http: {url: 'http://a', headers: {'a b': x}}}}": "reloads.n.http.headers.a b: 'a b' is not the name "
    "of a header; write one such as Authorization",
    "reloads: {n: {http: {url: 'http://a', headers: {A: [hunter2]}}}}": "reloads.n.http.headers.A: is not text; write "
    "it in quotes",
    "reloads: {n: {http: {url: 'http://a', method: 'A B'}}}": "reloads.n.http.method: 'A B' is not a method; write one "
    "such as POST",
    "reloads: {n: {http: {url: 'http://a', status: [20]}}}": "reloads.n.http.status.0: '20' is below 100; write "
    "100 or more",
    "reloads: {n: {docker: {service: a, label: b, signal: HUP}}}": "reloads.n.docker: needs one of service and label; "
    "write exactly one",
    "reloads: {n: {docker: {service: a, restart: false}}}": "reloads.n.docker: needs one of signal, exec and restart; "
    "write exactly one",
    "reloads: {n: {docker: {label: a, project: b, restart: true}}}": "reloads.n.docker.project: needs service; write "
    "it, or leave project out",
    "reloads: {n: {docker: {host: /run/x, service: a, restart: true}}}": "reloads.n.docker.host: '/run/x' is not a "
    "Docker host; write unix:///PATH or tcp://HOST:PORT",
    "reloads: {n: {run: [x], probe: {}}}": "reloads.n.probe: needs one of http and tcp; write exactly one",
    "reloads: {n: {run: [x], probe: {tcp: '8080'}}}": "reloads.n.probe.tcp: '8080' is not HOST:PORT; write one such as "
    "127.0.0.1:8080",
    "reloads: {n: {run: [x], probe: {tcp: 'a:1', within: 300ms}}}": "reloads.n.probe.within: '300ms' is too short for "
    "a probe, which must work several times; write 1s or more",
    "reloads: {n: {probe: {tcp: 'a:1'}}}": "reloads.n: does nothing; write check, result_file, run, signal, http or "
    "docker",
    "reloads: {n: {probe: {tcp: '8080'}}}": "reloads.n.probe.tcp: '8080' is not HOST:PORT; write one such as "
    "127.0.0.1:8080",
    "reloads: {n: {probe: {}}}": "reloads.n.probe: needs one of http and tcp; write exactly one",
    "reloads: {n: {rnu: [x]}}": "reloads.n.rnu: is an unknown key; did you mean 'run'?",
    "notify: {url: 'http://a', on: [foo]}": "notify.on.0: 'foo' is none of 'failed', 'held', 'unsafe' or 'recovered'; "
    "write one of them",
    "notify: {url: 'http://a', on: []}": "notify.on: a list is shorter than 1; write more",
    "reloads: {n: {signal: {}}}": "reloads.n.signal: needs one of pid_file and process; write exactly one",
    "consul: {token: a, token_file: b}": "consul.token_file: stands beside token; keep one of them",
    "consul: {tls: {cert_file: b}}": "consul.tls: has one of cert_file and key_file; write both or none",
}
TARGETS = {
    "kind: file, path: a, mode: 0600": "mode: '0600' is a number to YAML; put it in quotes, such as \"0600\"",
    "kind: file, path: a, mode: 644": "mode: '644' is a number to YAML; put it in quotes, such as \"0600\"",
    "kind: file, path: a, mode: '9'": "mode: '9' is not a file mode; write it as a quoted string, such as \"0600\"",
    "kind: file, path: a, reload: x": "reload: 'x' is not a reload of this file; add it under reloads",
    "kind: file, path: a, template: x.j2": "template: 'x.j2' does not exist; create it, or write its path relative "
    "to the config file's folder",
    "kind: file, path: a, vars: {A: {key: x, foramt: csv}}": "vars.A.foramt: is an unknown key; did you mean 'format'?",
    "kind: file, path: a, vars: {A: {format: csv}}": "vars.A.key: is missing; add it",
    "kind: file, path: a, vars: {A: 'x*'}": "vars.A: 'x*' is a glob where one key is needed; name the key",
    "kind: file, path: a, vars: {A: [x]}": "vars.A: a list is not text or a mapping; write text or a mapping",
    "kind: file, path: a, vars: {A: {key: x, format: x}}": "vars.A.format: 'x' is none of 'raw' or 'csv'; write "
    "one of them",
    "kind: fiel": "kind: 'fiel' is not a kind of target; did you mean 'file'?",
    "kind: zzz": "kind: 'zzz' is not a kind of target; there are: file, pairs",
    "path: x": "kind: is missing; write one of file, pairs",
    "kind: [file]": "kind: is not text; write one of file, pairs",
    "kind: file": "path: is missing; add it",
    "kind: pairs, space: s, keys: ['a', '/b']": "keys.1: '/b' is not a key; leave out a leading or trailing /, //, "
    "and the segments . and ..",
    "kind: pairs, space: ''": "space: '' is shorter than 1; write more",
    "kind: pairs, space: s, api_token: {x: hunter2}": "api_token: is not text; write it in quotes",
}


@pytest.mark.parametrize("more", FIELDS)
def test_fault_at_the_top(tmp_path: Path, more: str) -> None:
    """One line, with the dotted path, what is wrong and what to do."""
    assert rest(tmp_path, more) == [FIELDS[more]]


@pytest.mark.parametrize("target", TARGETS)
def test_fault_in_a_target(tmp_path: Path, target: str) -> None:
    """The same below a target, unions included."""
    found = faults(tmp_path, f"version: 1\nowner: me\ntargets:\n  t: {{{target}}}\n")
    assert [line.split(": ", 1)[1].removeprefix("targets.t.") for line in found] == [TARGETS[target]]


def test_required_and_wrong_at_the_top(tmp_path: Path) -> None:
    """What is missing is looked for at the top; targets that are no mapping are said so."""
    assert faults(tmp_path, "state_dir: x\n") == [
        "config.yaml:1:1: owner: is missing; add it",
        "config.yaml:1:1: targets: is missing; add it",
        "config.yaml:1:1: version: is missing; add it",
    ]
    assert faults(tmp_path, "version: 1\nowner: me\ntargets: {a: x, b: [], 'c d': {kind: file, path: x}}") == [
        "config.yaml:3:14: targets.a: 'x' is not a target; write a mapping with its kind",
        "config.yaml:3:17: targets.b: a list is not a target; write a mapping with its kind",
        "config.yaml:3:24: targets.c d: 'c d' is not a name; write up to 64 letters, digits, . _ and -",
    ]
    assert rest(tmp_path, "owner_was: ['']\n") == [
        "owner_was.0: '' is not an owner; write 1 to 128 printable bytes, such as blog-production"
    ]


def test_three_of_each_are_six_lines(tmp_path: Path) -> None:
    """Field faults do not hide what is wrong between fields, not even in the same target; sorted by line."""
    content = """\
        version: 1
        owner: me
        reconcile: {interval: 5}
        targets:
          one:
            kind: file
            path: out/a
            mode: 0600
            reload: ngnix
          two:
            kind: fiel
            path: ./out/b/../a
            template: none.j2
        """
    assert [line.split(";")[0] for line in faults(tmp_path, content)] == [
        "config.yaml:3:23: reconcile.interval: '5' is not a duration",
        "config.yaml:8:11: targets.one.mode: '0600' is a number to YAML",
        "config.yaml:9:13: targets.one.reload: 'ngnix' is not a reload of this file",
        "config.yaml:11:11: targets.two.kind: 'fiel' is not a kind of target",
        "config.yaml:12:11: targets.two.path: './out/b/../a' is already written by target 'one' (line 7)",
        "config.yaml:13:15: targets.two.template: 'none.j2' does not exist",
    ]


def test_one_place_two_targets(tmp_path: Path) -> None:
    """Equal and nested parts of one space collide, siblings and other spaces do not; paths are compared absolute."""
    content = f"""\
        version: 1
        owner: me
        targets:
          a: {{kind: pairs, space: s, key_prefix: x/}}
          b: {{kind: pairs, space: s, key_prefix: y/}}
          c: {{kind: pairs, space: r}}
          d: {{kind: pairs, space: s, key_prefix: x/y/}}
          e: {{kind: pairs, space: r}}
          f: {{kind: file, path: out/f}}
          g: {{kind: file, path: {tmp_path}/out/f}}
        """
    assert faults(tmp_path, content) == [
        "config.yaml:7:42: targets.d.key_prefix: 'x/y/' is already written by target 'a' (line 4); give this target "
        "another key_prefix",
        "config.yaml:8:3: targets.e.key_prefix: the same place is already written by target 'c' (line 6); give this "
        "target another key_prefix",
        "config.yaml:10:25: targets.g.path: 'out/f' is already written by target 'f' (line 9); give this target "
        "another path",
    ]


def test_reload_that_is_broken_is_known(tmp_path: Path) -> None:
    """A reload with a fault of its own is not also an unknown reload; a near name is suggested."""
    content = """\
        version: 1
        owner: me
        reloads:
          nginx: {check: 5}
        targets:
          a: {kind: file, path: a, reload: nginx}
          b: {kind: file, path: b, reload: ngnix}
        """
    assert faults(tmp_path, content) == [
        "config.yaml:4:18: reloads.nginx.check: '5' is not a list; write one such as [a, b]",
        "config.yaml:7:36: targets.b.reload: 'ngnix' is not a reload of this file; did you mean 'nginx'?",
    ]


def test_a_template_that_exists(tmp_path: Path) -> None:
    """It is looked for in the config file's folder, not in the working directory."""
    (tmp_path / "x.j2").write_text("")
    assert faults(tmp_path, "version: 1\nowner: me\ntargets: {a: {kind: file, path: a, template: x.j2}}") == []


def test_long_and_strange_values_stay_on_one_line(tmp_path: Path) -> None:
    """A value is cut, and what cannot be printed is escaped."""
    found = rest(tmp_path, 'environment: "a/\\n\\e[31m%s"' % ("x" * 500))
    assert found == [
        f"environment: 'a/ \\x1b[31m{'x' * 71}…' is not an environment; write one name, such as production"
    ]
