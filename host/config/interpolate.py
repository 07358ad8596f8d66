"""Environment variables in string values: `${VAR}`, `${VAR:-default}`, `${VAR:?message}`, `$$` for a dollar.

Done after YAML was parsed, in strings only, and once: what a variable holds can neither add keys nor be
interpolated again. A single `$` that no brace follows stays as it is, so that an nginx log format needs no care.
A value with an interpolation in it may become any scalar type: `port: ${PORT}` is a number if port is one.
"""

import re
from collections.abc import Mapping

from host.config.nodes import FAULTY, Node
from host.core.errors import ConfigError

_TOKEN = re.compile(r"\$\$|\$\{(?P<body>[^}]*)(?P<end>\}?)")
_BODY = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<operator>[-?])(?P<word>.*))?", re.DOTALL)


class InterpolationError(ValueError):
    """A `${...}` that cannot be replaced; the message says why."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def interpolate(text: str, env: Mapping[str, str]) -> str:
    """Replace what stands for variables in one string.

    Args:
        text: The string as it was in the file.
        env: The variables.

    Raises:
        InterpolationError: A variable is not set and has no default, or the form is none of the three.
    """

    def replace(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else _resolve(match, env)

    return _TOKEN.sub(replace, text)


def _resolve(match: re.Match[str], env: Mapping[str, str]) -> str:
    parts = _BODY.fullmatch(match["body"]) if match["end"] else None
    if parts is None:
        hint = "Write ${NAME}, ${NAME:-default} or ${NAME:?message}; $${ for a plain ${."
        raise InterpolationError(f"`{match[0]}` is not a variable.", hint)
    name, operator, word = parts["name"], parts["operator"], parts["word"]
    value = env.get(name, "")
    # As in the shell: with an operator, an empty variable counts as one that is not set.
    if value or (name in env and operator is None):
        return value
    if operator == "-":
        return str(word)
    if operator == "?":
        raise InterpolationError(f"{name}: {word or 'must be set'}.", f"Set the environment variable {name}.")
    hint = f"Set it, or give a default: ${{{name}:-...}}."
    raise InterpolationError(f"The environment variable {name} is not set.", hint)


def interpolate_tree(node: Node, path: str, env: Mapping[str, str], errors: list[ConfigError]) -> None:
    """Interpolate every string value of a tree in place; keys stay as they are.

    Args:
        node: The tree.
        path: Its configuration path.
        env: The variables.
        errors: Faults are added here.
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
