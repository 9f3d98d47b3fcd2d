"""syncd keeps running systems true to their configuration."""

__version__ = "0.1.0"
