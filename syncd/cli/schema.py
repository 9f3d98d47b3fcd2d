"""`syncd schema`: JSON Schema of the config file."""


def schema() -> int:
    """Print the JSON Schema of the config file, for editors."""
    from syncd.cli.output import write_json
    from syncd.config.schema import schema as config_schema
    from syncd.targets.registry import configs

    write_json(config_schema(configs()))
    return 0
