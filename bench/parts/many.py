"""150 templates on 150 prefixes, one key changes: what that costs beside one template on one prefix."""

import time
from collections.abc import Iterator
from pathlib import Path

from bench.place import Place
from bench.probe import connections
from bench.race import Runner, race
from bench.report import Row
from bench.running import daemon, status, wait_for_file, write_config
from tests.support.processes import free_port

TEMPLATES, KEYS_EACH, CHANGES = 150, 10, 60
CPU_BOUND, CONNECTIONS_BOUND = 2.0, 20
TEMPLATE = "{{% for name, value in tree('{folder}').items() %}}{{{{ name }}}}={{{{ value }}}}\n{{% endfor %}}"


def measure(place: Place) -> Iterator[Row]:
    """Yield the rows of this part."""
    port = free_port()
    one_folder, _ = _prepare(place, "one", 1, free_port())
    many_folder, outputs = _prepare(place, "many", TEMPLATES, port)
    touched: list[int] = []
    rendered: list[int] = []
    with daemon(one_folder) as one, daemon(many_folder) as many:
        single = Runner(one.pid, f"one/{_folder(0)}/key-0", one_folder / f"out/{_folder(0)}")
        several = Runner(many.pid, f"many/{_folder(77)}/key-0", many_folder / f"out/{_folder(77)}")
        wait_for_file(single.path, one)
        for path in outputs:
            wait_for_file(path, many)
        time.sleep(1)
        before = _marks(outputs), _checked(port)

        def count(runner: Runner) -> None:
            nonlocal before
            if runner is several:
                now = _marks(outputs), _checked(port)
                touched.append(_differing(before[0], now[0]))
                rendered.append(_differing(before[1], now[1]))
                before = now

        race(place.consul.url, [single, several], CHANGES, count)
        open_now = connections(many.pid, place.consul.port)
    work = f"{TEMPLATES} templates on {TEMPLATES} prefixes, one key changes"
    cpu_ms, one_ms = several.cpu_s / CHANGES * 1000, single.cpu_s / CHANGES * 1000
    measured = f"CPU {cpu_ms:.2f} ms, with one template {one_ms:.2f} ms"
    yield Row("many", work, measured, cpu_ms / one_ms, CPU_BOUND)
    most = f"most of {CHANGES} changes"
    yield Row("many", f"{work}: rendered", most, max(rendered[1:]), 1, "", exact=True)
    yield Row("many", f"{work}: files touched", most, max(touched[1:]), 1, "", exact=True)
    yield Row("many", f"{work}: connections", "open to Consul", open_now, CONNECTIONS_BOUND, "")


def _folder(number: int) -> str:
    return f"app-{number:03d}"


def _prepare(place: Place, name: str, templates: int, port: int) -> tuple[Path, list[Path]]:
    """Make keys, templates and config of one daemon; return its folder and its outputs."""
    folder = place.folder / name
    (folder / "templates").mkdir(parents=True)
    targets = {}
    for app in map(_folder, range(templates)):
        place.consul.put_many({f"{name}/{app}/key-{number}": f"value {number}" for number in range(KEYS_EACH)})
        (folder / f"templates/{app}.j2").write_text(TEMPLATE.format(folder=app))
        targets[app] = {"kind": "template", "template": f"templates/{app}.j2", "path": f"out/{app}"}
    http, now = {"listen": f"127.0.0.1:{port}"}, {"quiet": "0ms", "max": "0ms"}
    write_config(folder, place.consul, f"{name}/", http=http, debounce=now, targets=targets)
    return folder, [folder / f"out/{app}" for app in targets]


def _marks(paths: list[Path]) -> dict[str, object]:
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}


def _checked(port: int) -> dict[str, object]:
    """Return when each target was last rendered and compared."""
    return {target["name"]: target["last_checked_at"] for target in status(port)["targets"]}


def _differing(before: dict[str, object], now: dict[str, object]) -> int:
    return sum(before[name] != now[name] for name in now)
