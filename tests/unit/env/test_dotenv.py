"""Env files as text: what is quoted how, headers, and what of a present file may be shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.dotenv import DIALECTS, CannotHold, Dialect, document, encode, name_fault, quoted
from syncd.core.dotenv.document import Variable
from syncd.core.dotenv.scan import statements

OURS = "# Managed by syncd (owner: blog, target: t). Do not edit: changes are overwritten.\n"
PLAIN = ["", "info", "120000", "https://api.example:8080/v1", "a,b", "user@host", "2.50", "a-b_c", "50%", "a=b"]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("value", PLAIN)
def test_plain_values_stay_bare(dialect: Dialect, value: str) -> None:
    """What needs no quotes gets none, in any dialect."""
    assert encode(dialect, "A", value) == f"A={value}"


@pytest.mark.parametrize(
    ("dialect", "value", "written"),
    [
        ("compose", "two words", "two words"),
        ("compose", "a'b\"c\\d", "a'b\"c\\d"),
        ("compose", " edge", "' edge'"),
        ("compose", "$HOME #x", "'$HOME #x'"),
        ("compose", "a\nb", "'a\nb'"),
        ("compose", "it's $5", '"it\'s \\$5"'),
        ("compose", "$\\", '"\\$\\\\"'),
        ("compose", "a\r\nb", '"a\\r\\nb"'),
        ("docker", " 'as it is' # $x\\ ", " 'as it is' # $x\\ "),
        ("shell", "two words", "'two words'"),
        ("shell", "it's $x", "'it'\\''s $x'"),
        ("shell", "~", "'~'"),
        ("shell", "a\nb", "'a\nb'"),
        ("systemd", "two words", "two words"),
        ("systemd", "$HOME #x", "$HOME #x"),
        ("systemd", "'x'", "\"'x'\""),
        ("systemd", 'a\\b$c`d"', '"a\\\\b\\$c\\`d\\""'),
        ("systemd", "a\nb", '"a\nb"'),
    ],
)
def test_quoting(dialect: Dialect, value: str, written: str) -> None:
    """Quotes appear only where the dialect needs them, in the one form that its reader takes literally."""
    assert quoted(dialect, value) == written


@pytest.mark.parametrize("dialect", DIALECTS)
def test_nul_is_refused(dialect: Dialect) -> None:
    """No environment can hold a NUL; the fault does not show the value."""
    with pytest.raises(CannotHold, match="NUL") as fault:
        quoted(dialect, "secret\0")
    assert "secret" not in str(fault.value)


def test_names() -> None:
    """POSIX names pass; the shell also refuses names that it would not keep."""
    assert all(name_fault(dialect, "A_b1") is None for dialect in DIALECTS)
    assert all(name_fault(dialect, bad) for dialect in DIALECTS for bad in ("", "1A", "A-B", "A B", "É", "A\n", "A."))
    assert name_fault("shell", "RANDOM")
    assert name_fault("compose", "RANDOM") is None


def test_header_and_masked_text() -> None:
    """The header names owner, target and what is sensitive; masked, such lines hold no value."""
    variables = [Variable("A", "A=1"), Variable("B", "B='x\ny'", sensitive=True), Variable("C", "C=3", sensitive=True)]
    assert document.render("blog", "t", variables) == f"{OURS}# Sensitive: B, C\nA=1\nB='x\ny'\nC=3\n"
    masked = document.render("blog", "t", variables, mask=True)
    assert masked == f"{OURS}# Sensitive: B, C\nA=1\nB=«sensitive»\nC=«sensitive»\n"


def test_owner() -> None:
    """The owner is read back from our own header and from nothing else."""
    assert document.owner_of(document.render("a, target: b (c)", "t", [])) == "a, target: b (c)"
    assert document.owner_of("# by hand\n" + OURS) is None
    assert document.owner_of("") is None


def test_many_sensitive_names_stay_in_short_lines() -> None:
    """The list of sensitive names is folded, because docker reads no long lines, and is read back whole."""
    variables = [Variable(f"SECRET_NUMBER_{number}", "…", sensitive=True) for number in range(5000)]
    text = document.render("blog", "t", variables, mask=True)
    assert max(map(len, text.splitlines())) < 130
    present = text.replace("«sensitive»", "x")
    assert document.mask_present("compose", present, f"{OURS}A=1\n", ours=True) == text


@pytest.mark.parametrize("dialect", DIALECTS)
@given(
    values=st.lists(st.text("'\"\\$#`\n\r\t a=é~;", max_size=8), max_size=20),
    last=st.sampled_from(["", "# end\n", "\n"]),
)
def test_statements_are_what_was_written(dialect: Dialect, values: list[str], last: str) -> None:
    """Every file that we write is told apart into exactly its variables, and joined is itself again."""
    text, names = OURS, []
    for number, value in enumerate(values):
        try:
            text += encode(dialect, f"V{number}", value) + "\n"
        except CannotHold:
            continue
        names.append(f"V{number}")
    found = statements(dialect, text + last)
    assert found is not None
    assert [one.name for one in found if one.name] == names
    assert "".join(one.text for one in found) == text + last


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        ("compose", "A='open\nB=1\n"),
        ("compose", "A='x' B=secret\n"),
        ("compose", "A='x''y'\n"),
        ("compose", "just words\n"),
        ("docker", "just words\n"),
        ("shell", "A=x # it's\nB='y'\n"),
        ("shell", "A=$(cat x)\n"),
        ("shell", "A=x B=y\n"),
        ("shell", 'A="$(echo "x\ny")"\n'),
        ("shell", "if true; then\n"),
        ("systemd", 'A="open\nB=1\n'),
        ("systemd", 'A="x" "y"\n'),
        ("systemd", "# comment \\\nA=1\n"),
        ("systemd", "A=x\rB=1\n"),
    ],
)
def test_what_is_in_doubt_is_not_told_apart(dialect: Dialect, text: str) -> None:
    """Where a reader could see another variable than we do, nothing of the file is shown."""
    assert statements(dialect, text) is None


def mask(present: str, wanted: str, *, ours: bool = True) -> str | None:
    """Return the compose file `present` as it may be shown."""
    return document.mask_present("compose", present, wanted, ours=ours)


def test_drift_of_plain_variables_is_shown() -> None:
    """In a file of ours without sensitive variables everything is shown, hand-made lines too."""
    present = f"{OURS}A=by hand\nNEW=1\n# note\n"
    assert mask(present, f"{OURS}A=1\n") == present


def test_sensitive_now() -> None:
    """A variable that is sensitive now is masked, all lines of it, and so is what the new file does not know."""
    present = f"{OURS}# Sensitive: S\nA=0\nS='old\nsecret'\nNEW=secret\n# secret note\n"
    wanted = f"{OURS}# Sensitive: S\nA=1\nS=new\n"
    shown = f"{OURS}# Sensitive: S\nA=0\nS=«sensitive»\nNEW=«sensitive»\n# «sensitive»\n"
    assert mask(present, wanted) == shown


def test_sensitive_before() -> None:
    """A variable that was sensitive when the present file was written stays masked, whatever feeds it now."""
    present = f"{OURS}# Sensitive: S\nA=0\nS=secret\n"
    assert mask(present, f"{OURS}A=1\nS=public\n") == f"{OURS}# Sensitive: S\nA=0\nS=«sensitive»\n"


def test_file_of_somebody_else() -> None:
    """Of a file that is not ours only lines that we want as well are shown."""
    present = "# pw: secret\n# Sensitive: secret\n\nA=1\nB=secret\nexport C=secret\n"
    shown = "# «sensitive»\n# «sensitive»\n\nA=1\nB=«sensitive»\nC=«sensitive»\n"
    assert mask(present, f"{OURS}A=1\nB=2\n", ours=False) == shown
