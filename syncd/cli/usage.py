"""What the argument parser says, in our words: what is wrong with the command line, and what to do."""

import re

_INVALID = r"Invalid value for '?(.+?)'?: "
_SAID = {
    "command": r"No such command '(.*?)'.*",
    "option": r"No such option: (\S+)",
    "similar": r"No such option: (\S+) \((?:Possible options: |Did you mean )(.*?)\??\)",
    "argument": r"Missing argument '(.*)'",
    "value": r"Option '(.*)' requires an argument",
    "flag": r"Option '(.*)' does not take a value",
    "extra": r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)",
    "choice": _INVALID + r"(?:Value error, )?'(.*?)' is not one of (.*)",
    "number": _INVALID + r"(?:Input should be a valid integer.*|'.*' is not a valid (?:int|range).*)",
    "above": _INVALID + r"Input should be less than or equal to (\S+)",
    "below": _INVALID + r"Input should be greater than or equal to (\S+)",
}
"""What the parser (typer's, with pydantic's for values) says, without the stop at its end."""


def usage_error(said: str) -> str:
    """Return a message of the parser in our words; one that is not known as it is."""
    words = {
        "command": "there is no command '{0}'",
        "option": "there is no option {0}",
        "similar": "there is no option {0}; did you mean {1}?",
        "argument": "{0} is missing; name it",
        "value": "option {0} has no value; write one behind it",
        "flag": "option {0} takes no value; leave it out",
        "extra": "there is more than the command takes: {0}; leave it out",
        "choice": "option {0}: '{1}' is none of {2}",
        "number": "option {0}: this is no whole number; write one such as 5",
        "above": "option {0}: the number is above {1}; write {1} or less",
        "below": "option {0}: the number is below {1}; write {1} or more",
    }
    for kind, pattern in _SAID.items():
        if found := re.fullmatch(pattern, said.rstrip("."), re.DOTALL):
            return words[kind].format(*found.groups())
    return said.rstrip(".")
