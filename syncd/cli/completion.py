"""What the shell offers for a word that is being typed, beyond commands and options."""

import typer


def target_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return the targets of the config file whose names begin so; none where it cannot be read."""
    import yaml

    from syncd.cli.options import Globals

    before = context.parent.params.get("config") if context.parent else None
    path = Globals(context.params.get("config") or before, None, None).config_path
    try:
        targets = yaml.safe_load(path.read_text(encoding="utf-8"))["targets"]
        return [name for name in targets if name.startswith(incomplete)]
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError, AttributeError):
        return []  # whoever types wants no message between two words
