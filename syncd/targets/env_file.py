"""The `env_file` target: one file of environment variables, in one of four dialects."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic_core import CoreSchema, ErrorDetails, InitErrorDetails

from syncd.core.dotenv import Dialect, document, name_fault
from syncd.core.explain.model import Part
from syncd.core.fields import ExactKey, KeyGlob, Strict
from syncd.core.globs import fixed_folder, is_glob
from syncd.core.graph.model import Feed
from syncd.core.mapping import Format, parse_ref
from syncd.core.model import Desired, Need, text_entry
from syncd.core.snapshot import View
from syncd.core.templating import TemplateFault, inline_names
from syncd.targets.base import Context, FileTargetConfig, TargetKind
from syncd.targets.env_parts import parts
from syncd.targets.env_vars import Reading

_MODE = 0o600


def _with_pointer(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    handler(parse_ref(value).key if isinstance(value, str) else value)
    return value


def _variable_name(name: str) -> str:
    fault = name_fault("compose", name)
    if fault:
        raise ValueError(fault)
    return name


def _prefix(prefix: str) -> str:
    if prefix and name_fault("compose", prefix):
        raise ValueError("cannot start a variable name; use letters, digits and _, the first one not a digit")
    return prefix


def _template(source: str) -> str:
    try:
        inline_names(source, name="template")
    except TemplateFault as fault:
        raise ValueError(f"is not a template: {fault.reason}") from None
    return source


class Var(Strict):
    """Where one variable's value comes from: a key, a template or a fixed text; a plain string is a key."""

    key: Annotated[ExactKey, WrapValidator(_with_pointer)] | None = None
    """A key, or `key#/json/pointer`."""
    format: Format = "raw"
    default: str | None = None
    """The value where the key is missing; "" is one."""
    template: Annotated[str, AfterValidator(_template)] | None = None
    """Jinja2; may use the variables above it."""
    value: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"key": data}
        if not isinstance(data, Mapping):
            raise ValueError("is not a variable; write a key, or one of key:, template:, value: in braces")
        return data

    @model_validator(mode="after")
    def _exactly_one(self) -> "Var":
        given = [name for name in ("key", "template", "value") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"has {' and '.join(given) or 'no value'}; give exactly one of key, template, value")
        if self.key is None and self.model_fields_set & {"format", "default"}:
            raise ValueError(f"has format or default beside {given[0]}; they go with key only")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "description": "A key, or key#/json/pointer."}, handler(schema)]}


class Include(Strict):
    """All keys of a glob as variables."""

    keys: KeyGlob
    prefix: Annotated[str, AfterValidator(_prefix)] = ""


class EnvFileConfig(FileTargetConfig):
    """The `env_file` part of the configuration."""

    kind: Literal["env_file"] = "env_file"
    dialect: Dialect = "compose"
    vars: dict[Annotated[str, AfterValidator(_variable_name)], Var] = Field(default_factory=dict)
    include: tuple[Include, ...] = ()

    @field_validator("vars", mode="wrap")
    @classmethod
    def _with_cross_faults(cls, raw: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        """Validate each variable, and all against those above and the dialect, so that no fault hides another."""
        faults = list(_cross_faults(raw, info.data.get("dialect", "compose"))) if isinstance(raw, Mapping) else []
        try:
            variables = handler(raw)
        except ValidationError as error:
            faults = [_again(detail) for detail in error.errors(include_url=False)] + faults
        if faults:
            raise ValidationError.from_exception_data("vars", faults)
        return variables


def _cross_faults(raw: Mapping[Any, Any], dialect: Dialect) -> Iterator[InitErrorDetails]:
    above: set[str] = set()
    for name, var in raw.items():
        fault = name_fault(dialect, str(name))
        if fault and not name_fault("compose", str(name)):  # else the name itself is a fault already
            yield _fault((str(name), "[key]"), name, fault)
        template = var.get("template") if isinstance(var, Mapping) else var.template if isinstance(var, Var) else None
        if isinstance(template, str):
            for unknown in sorted(_names(template) - above):
                words = f"reads {unknown}, which is not a variable above it; move {unknown} up, or write its right name"
                yield _fault((str(name), "template"), template, words)
        above.add(str(name))


def _names(template: str) -> frozenset[str]:
    try:
        return inline_names(template, name="template")
    except TemplateFault:  # a fault of the field
        return frozenset()


def _fault(loc: tuple[str, ...], value: object, words: str) -> InitErrorDetails:
    return InitErrorDetails(type="value_error", loc=loc, input=value, ctx={"error": ValueError(words)})


def _again(detail: ErrorDetails) -> InitErrorDetails:
    return InitErrorDetails(type=detail["type"], loc=detail["loc"], input=detail["input"], ctx=detail.get("ctx", {}))


class EnvFileTarget:
    """One env file, rendered from a view."""

    kind = "env_file"

    def __init__(self, name: str, config: EnvFileConfig, context: Context) -> None:
        self.name = name
        self.config: FileTargetConfig = config
        self._env = config
        self._context = context

    def needs(self) -> frozenset[Need]:
        """Return every exact key and every include's folder: nothing else is ever read."""
        keys = {parse_ref(var.key).key for var in self._env.vars.values() if var.key is not None}
        keys |= {include.keys for include in self._env.include if not is_glob(include.keys)}
        folders = {fixed_folder(include.keys) for include in self._env.include if is_glob(include.keys)}
        return frozenset({Need("key", key) for key in keys} | {Need("folder", folder) for folder in folders})

    def desired(self, view: View, masked: View) -> Desired:
        """Return the file, or all that is missing or wrong at once; `masked` is not needed: each line is known.

        Raises:
            NeedMore: a key or folder of `needs` is not in the snapshot.
            HiddenKey: the source keeps a key from our token.
        """
        reading = Reading(view, self._env.dialect)
        for name, var in self._env.vars.items():
            reading.add(name, var)
        for include in self._env.include:
            reading.include(include.keys, include.prefix)
        missing, faults = tuple(reading.missing), tuple(reading.faults)
        if missing or reading.errors:
            error = "; ".join(reading.errors) or None
            return Desired(missing=missing, faults=faults, protect=frozenset({self._env.path}), error=error)
        variables = list(reading.variables.values())
        content = document.render(self._context.owner, self.name, variables)
        entry = text_entry(
            self._env.path,
            content.encode(),
            owner=self._context.owner,
            origins=tuple(reading.origins),
            sensitive=any(variable.sensitive for variable in variables),
            mode=_MODE if self._env.mode is None else self._env.mode,
        )
        shown = document.render(self._context.owner, self.name, variables, mask=True)
        return Desired(entries={entry.key: entry}, faults=faults, masked=shown)

    def parts(self, view: View, masked: View) -> tuple[Part, ...]:
        """Return where each variable comes from; see `Explains`."""
        return parts(self._env, view)

    def outline(self) -> tuple[Feed, ...]:
        """Return the keys of the variables and the globs of the includes."""
        keys = [Feed("key", parse_ref(var.key).key) for var in self._env.vars.values() if var.key is not None]
        included = [Feed("glob" if is_glob(one.keys) else "key", one.keys) for one in self._env.include]
        return tuple(dict.fromkeys([*keys, *included]))

    def owner_of(self, content: bytes) -> str | None:
        """Return the owner id in the header, None where there is none."""
        return document.owner_of(content.partition(b"\n")[0].decode(errors="replace"))

    def mask(self, content: bytes, desired: Desired, *, was_sensitive: bool) -> str | None:
        """Return the present file with what may be sensitive masked; None where it cannot be told apart.

        The file's own header names what was sensitive, so `was_sensitive` adds nothing.
        """
        entry = desired.entries.get(self._env.path)
        if entry is None or entry.content is None:
            return None
        try:
            present = content.decode()
        except UnicodeDecodeError:
            return None
        ours = self.owner_of(content) in (self._context.owner, *self._context.owner_was)
        return document.mask_present(self._env.dialect, present, entry.content.decode(), ours=ours)


KIND = TargetKind(EnvFileConfig, EnvFileTarget)
