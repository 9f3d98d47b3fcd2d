"""The one error of the dialects."""


class CannotHold(ValueError):
    """A dialect cannot hold a value; the message says what is in its way, never the value."""
