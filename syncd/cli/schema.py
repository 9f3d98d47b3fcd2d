"""`syncd schema`: JSON Schema of the config file."""

import typer

from syncd.cli import options, session


def schema(
    context: typer.Context,
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """Print the JSON Schema of the config file, for editors."""
    session.start(context, config, log_format, log_level)
    from syncd.cli.output import to_stdout, write_json
    from syncd.config.schema import schema as config_schema
    from syncd.targets.registry import configs

    with to_stdout():
        write_json(config_schema(configs()))
    return 0
