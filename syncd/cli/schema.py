"""`syncd schema`: JSON Schema of the config file."""


def schema() -> int:
    """Print the JSON Schema of the config file, for editors."""
    from syncd.cli.output import write_json
    from syncd.config.schema import schema as config_schema
    from syncd.targets.registry import kinds

    write_json(config_schema({name: kind.config for name, kind in kinds().items()}))
    return 0
