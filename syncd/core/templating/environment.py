"""The Jinja2 environment of one template: sandboxed, strict, weighed, the same output for the same input.

What differs from Jinja2's own sandbox, and why:
- constants are not folded: that would run filters while compiling, outside of the limits' words and lines;
- `~`, `+`, `*`, `**`, `%`, lists, maps, loops and calls go through the meter;
- what an `{% import %}` gives is made anew in every rendering: Jinja2 would keep values of an earlier one;
- only data can be written: the text of a function or a generator is an address, another one every time.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2 import Template, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import TemplateModule
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from syncd.core.digest import sha256_hex
from syncd.core.templating import operators
from syncd.core.templating.builtin import GLOBALS, WRAPPED, WRAPPED_TESTS
from syncd.core.templating.errors import NotThere, Refusal
from syncd.core.templating.meter import Meter
from syncd.core.templating.paths import beside
from syncd.core.templating.values import UNKNOWN, Strict, Unknown

_RANGE_MAX = 100_000
_OPERATORS = {
    "+": operators.add,
    "*": operators.multiply,
    "**": operators.power,
    "%": operators.modulo,
}


class _Generator(CodeGenerator):
    """Compiles without folding constants, and hands what may grow to the environment."""

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if _escapes(frame):
            super()._output_child_pre(node, frame, finalize)
        else:  # text, which most of what is written is, needs no call: `finalize` would give it back as it is
            self.write("(out if type(out := ")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if _escapes(frame):
            super()._output_child_post(node, frame, finalize)
        else:
            self.write(") is str else str(environment.finalize(out)))")

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_List(self, node: nodes.List, frame: Frame) -> None:
        self._weighed(node, frame, super().visit_List, node.items)

    def visit_Tuple(self, node: nodes.Tuple, frame: Frame) -> None:
        self._weighed(node, frame, super().visit_Tuple, node.items if node.ctx == "load" else [])

    def visit_Dict(self, node: nodes.Dict, frame: Frame) -> None:
        self._weighed(node, frame, super().visit_Dict, [pair.value for pair in node.items])

    def _weighed(self, node: Any, frame: Frame, visit: Callable[..., None], parts: Iterable[nodes.Node]) -> None:
        if all(isinstance(part, nodes.Const) for part in parts):
            visit(node, frame)
        else:
            self.write("environment.meter.weigh(")
            visit(node, frame)
            self.write(")")


def _escapes(frame: Frame) -> bool:
    """Return True where an `{% autoescape %}` block may be in force."""
    return frame.eval_ctx.volatile or bool(frame.eval_ctx.autoescape)


class _FreshTemplate(Template):
    """A template whose module is never kept from one rendering to the next."""

    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:
        return self.make_module()


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Compiles and runs one target's template and what it includes; not for two renderings at once."""

    code_generator_class = _Generator
    template_class = _FreshTemplate
    intercepted_binops = frozenset(_OPERATORS)

    def __init__(
        self,
        load: Callable[[str], str | None],
        folder: str = "",
        variables: Mapping[str, Any] | None = None,
        functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        """Make the environment.

        Args:
            load: returns a template's text by its path, None where there is none.
            folder: what included templates are relative to.
            variables: what templates see at top level, in imported ones too.
            functions: the same for functions.
        """
        super().__init__(undefined=Strict, keep_trailing_newline=True, optimized=False, cache_size=0)
        self.filters = dict(WRAPPED)
        self.tests = dict(WRAPPED_TESTS)
        self.globals = {
            "range": self._range,
            "dict": self._dict,
            **GLOBALS,
            **(variables or {}),
            **(functions or {}),
        }
        self.finalize = self._written
        self.meter = Meter()
        self.text = load
        self.used: dict[str, str] = {}
        """SHA-256 of each template that was used since `begin`, by path."""
        self._folder = folder
        self._compiled: dict[str, tuple[str, str, Template]] = {}

    def begin(self) -> None:
        """Start counting for a new rendering."""
        self.meter = Meter()
        self.used = {}

    def join_path(self, template: str, parent: str) -> str:
        """Return the path of a template that another one includes."""
        return beside(self._folder, template)

    def _load_template(self, name: str, globals: Any) -> Template:
        text = self.text(name)
        if text is None:
            raise NotThere(name, name.removeprefix(f"{self._folder}/"))
        held = self._compiled.get(name)
        if held is not None and held[0] == text:
            self.used[name] = held[1]
            return held[2]
        digest = self.used[name] = sha256_hex(text.encode(errors="surrogatepass"))
        template = self.template_class.from_code(self, self.compile(text, name, name), self.globals)
        self._compiled[name] = (text, digest, template)
        return template

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> Any:
        for loop in source.find_all(nodes.For):
            loop.iter = nodes.Call(
                nodes.EnvironmentAttribute("counted", lineno=loop.iter.lineno), [loop.iter], [], None, None
            ).set_lineno(loop.iter.lineno)
        return super()._generate(source, *args, **kwargs)

    def handle_exception(self, source: str | None = None) -> Any:
        """Let what was raised through as it is; the caller finds the line by the traceback."""
        raise

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Return the result of an operator, weighed."""
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return UNKNOWN
        return _OPERATORS[operator](self.meter, left, right)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a function, method or macro of a template, counted and weighed."""
        meter = __self.meter
        meter.step()
        if isinstance(__obj, Macro | LoopContext):
            if isinstance(__obj, Macro) and len(args) > len(__obj.arguments):
                meter.weigh(args)  # they become one list there
            return super().call(__context, __obj, *args, **kwargs)
        if isinstance(__obj, Unknown) or any(isinstance(one, Unknown) for one in (*args, *kwargs.values())):
            return UNKNOWN
        if isinstance(getattr(__obj, "__self__", None), str | bytes | int | float):
            check = operators.METHODS.get(__obj.__name__)
            if check is not None:
                check(meter, __obj.__self__, *args, **kwargs)
        result = super().call(__context, __obj, *args, **kwargs)
        return meter.made(result) if isinstance(result, str | bytes | list) else result

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Return a weighed stand-in for `str.format` and `str.format_map`, None for anything else."""
        owner = getattr(value, "__self__", None)
        name = getattr(value, "__name__", "")
        if not isinstance(owner, str) or name not in ("format", "format_map"):
            return None
        formatter = operators.LimitedFormatter(self, self.meter)
        text = str(owner)

        def format_(*args: Any, **kwargs: Any) -> str:
            return formatter.vformat(text, args, kwargs)

        def format_map(mapping: Mapping[str, Any]) -> str:
            return formatter.vformat(text, (), mapping)

        return format_ if name == "format" else format_map

    def concat(self, parts: Iterable[str]) -> str:
        """Return what a block, macro or capture wrote, as one text."""
        pieces = parts if isinstance(parts, list) else list(parts)
        self.meter.make(sum(map(len, pieces)))
        return "".join(pieces)

    def joined(self, parts: tuple[Any, ...]) -> Any:
        """Return the text of `a ~ b`."""
        if any(isinstance(part, Unknown) for part in parts):
            return UNKNOWN
        return self.concat([part if type(part) is str else str(self._written(part)) for part in parts])

    def counted(self, values: Any) -> Any:
        """Return what a loop runs over, each pass counted."""
        return self.meter.loop(values)

    def _written(self, value: Any) -> Any:
        """Return a value that is to be written, refused where it is no data."""
        if type(value) is str:
            return value
        if isinstance(value, bytes):
            raise Refusal("bytes cannot be written; use a filter such as b64encode")
        return self.meter.weigh(value, plain=True)

    def _range(self, *numbers: Any) -> range:
        found = range(*numbers)
        if len(found) > _RANGE_MAX:
            raise Refusal(f"range() of more than {_RANGE_MAX:,} numbers")
        return found

    def _dict(self, *args: Any, **kwargs: Any) -> Any:
        return self.meter.weigh(dict(*args, **kwargs))
