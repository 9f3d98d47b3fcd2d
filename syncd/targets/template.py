"""The target kind `template`: one file, rendered from a Jinja2 template. Whose it is, the journal knows."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from syncd.core.errors import Fault
from syncd.core.explain.model import Part
from syncd.core.graph.model import Feed
from syncd.core.model import Desired, Entry, Need, text_entry
from syncd.core.snapshot import View
from syncd.core.templating import CATALOG, FUNCTION_NAMES, TemplateFile
from syncd.targets.base import Context, FileTargetConfig, Raw, Reference, TargetKind, text
from syncd.targets.template_parts import parts

_SENSITIVE_MODE = 0o600
_MODE = 0o644
_WORDS = "range dict namespace cycler joiner loop self super caller true false none and or not in is if else"
_TAKEN = frozenset([*FUNCTION_NAMES, *_WORDS.split(), "True", "False", "None"])

_FEEDS: dict[str, Callable[[str], Feed]] = {
    "key": lambda name: Feed("key", name),
    "service": lambda name: Feed("service", name),
    "catalog": lambda _: Feed("services", CATALOG),
}


def _variables(value: dict[str, Any]) -> dict[str, Any]:
    for name in value:
        if name in _TAKEN:
            raise ValueError(f"has '{name}', which templates know as something else; choose another name")
        if not name.isidentifier() or name.startswith("_"):
            raise ValueError(f"has '{name}', which no template can name; use letters, digits and _, a letter first")
    return value


class TemplateConfig(FileTargetConfig):
    """What a template target may say."""

    template: str = Field(min_length=1)
    vars: Annotated[dict[str, Any], AfterValidator(_variables)] = Field(default_factory=dict)

    @classmethod
    def references(cls, raw: Raw) -> Iterable[Reference]:
        """Return its reload and its template."""
        yield from super().references(raw)
        template = text(raw, "template")
        if template:
            yield Reference("file", template, "template")


class TemplateTarget:
    """A file that a template gives."""

    kind = "template"

    def __init__(self, name: str, config: TemplateConfig, context: Context) -> None:
        self.name = name
        self.config: FileTargetConfig = config
        self._file = TemplateFile(config.template, context.load_template, config.vars, context.env)

    def needs(self) -> frozenset[Need]:
        """Return what the template reads by constant names."""
        return self._file.needs()

    def check(self) -> list[Fault]:
        """Return what is wrong with the template and what it includes, as far as it shows without rendering."""
        return [fault.fault() for fault in self._file.check()]

    def parts(self, view: View, masked: View) -> tuple[Part, ...]:
        """Return what the template reads, then what each line of the file is made from; see `Explains`."""
        return parts(self._file, self.config.path, view, masked)

    def outline(self) -> tuple[Feed, ...]:
        """Return the templates, and what they read by constant names."""
        needs, files = self._file.outline()
        read = {Feed("glob", f"{one.name}**") if one.kind == "folder" else _FEEDS[one.kind](one.name) for one in needs}
        return (*(Feed("template", name) for name in files), *sorted(read))

    def desired(self, view: View, masked: View) -> Desired:
        """Return the one file this target should hold, or why it cannot be rendered. Raises as the protocol says."""
        made = self._file.render(view, masked)
        entries: dict[str, Entry] = {}
        if made.content is not None:
            path, mode = self.config.path, self.config.mode
            entries[path] = text_entry(
                path,
                made.content,
                origins=tuple(view.items.values()),
                sensitive=made.sensitive,
                mode=mode if mode is not None else _SENSITIVE_MODE if made.sensitive else _MODE,
            )
        return Desired(
            entries=entries,
            missing=made.missing,
            masked=made.masked,
            templates=made.templates,
            services=made.services,
            error=made.fault,
        )

    def owner_of(self, content: bytes) -> str | None:
        """Return None: a template's output names nobody."""
        return None

    def mask(self, content: bytes, desired: Desired, *, was_sensitive: bool) -> str | None:
        """Return the present content, None where it or the wanted one has something sensitive."""
        wanted = desired.entries.get(self.config.path)
        if was_sensitive or wanted is None or wanted.sensitive:
            return None
        try:
            return content.decode()
        except UnicodeDecodeError:
            return None


KIND = TargetKind(TemplateConfig, TemplateTarget)
