"""Interpolates environment variables: `${VAR}`, `${VAR:-default}`, `${VAR:?message}`, and `$$` for a dollar sign.

Interpolation happens once, after YAML parsing, and only in string values. The content of a variable can neither add
keys nor be interpolated again. A `$` without a brace is kept, so that an nginx log format needs no escapes. A value
with an interpolation can become any scalar type: `port: ${PORT}` becomes a number if the option is a number.
"""

import re
from collections.abc import Mapping

from host.config.nodes import FAULTY, Node
from host.core.errors import ConfigError

_TOKEN = re.compile(r"\$\$|\$\{(?P<body>[^}]*)(?P<end>\}?)")
_BODY = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<operator>[-?])(?P<word>.*))?", re.DOTALL)


class InterpolationError(ValueError):
    """Raised for a `${...}` that cannot be replaced."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def interpolate(text: str, env: Mapping[str, str]) -> str:
    """Replace the variables in a string.

    Args:
        text: The string from the file.
        env: The variables.

    Raises:
        InterpolationError: A variable is not set and has no default, or the syntax is not valid.
    """

    def replace(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else _resolve(match, env)

    return _TOKEN.sub(replace, text)


def _resolve(match: re.Match[str], env: Mapping[str, str]) -> str:
    parts = _BODY.fullmatch(match["body"]) if match["end"] else None
    if parts is None:
        hint = "Write ${NAME}, ${NAME:-default} or ${NAME:?message}. Write $${ for a literal ${."
        raise InterpolationError(f"`{match[0]}` is not a variable.", hint)
    name, operator, word = parts["name"], parts["operator"], parts["word"]
    value = env.get(name, "")
    # As in the shell, an operator treats an empty variable as unset.
    if value or (name in env and operator is None):
        return value
    if operator == "-":
        return str(word)
    if operator == "?":
        raise InterpolationError(f"{name}: {word or 'must be set'}.", f"Set the environment variable {name}.")
    hint = f"Set it, or write a default: ${{{name}:-...}}."
    raise InterpolationError(f"The environment variable {name} is not set.", hint)


def interpolate_tree(node: Node, path: str, env: Mapping[str, str], errors: list[ConfigError]) -> None:
    """Interpolate every string value of a tree in place. Keys are not changed.

    Args:
        node: The tree.
        path: Its configuration path.
        env: The variables.
        errors: Errors are appended here.
    """
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            interpolate_tree(child, f"{path}.{key}" if path else key, env, errors)
    elif isinstance(node.value, list):
        for index, child in enumerate(node.value):
            interpolate_tree(child, f"{path}[{index}]", env, errors)
    elif isinstance(node.value, str) and "$" in node.value:
        _interpolate_leaf(node, path, env, errors)


def _interpolate_leaf(node: Node, path: str, env: Mapping[str, str], errors: list[ConfigError]) -> None:
    assert isinstance(node.value, str)
    try:
        text = interpolate(node.value, env)
    except InterpolationError as error:
        errors.append(ConfigError(path, node.file, node.line, str(error), error.hint))
        node.value = FAULTY
        return
    node.lenient = any(match[0] != "$$" for match in _TOKEN.finditer(node.value))
    node.value = text
