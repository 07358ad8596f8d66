"""Text of logs for a terminal, which must not obey what stands in them."""

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code != ord("\t")}
_CONTROLS_BUT_LINES = {code: shown for code, shown in _CONTROLS.items() if code != ord("\n")}


def visible(text: str) -> str:
    r"""One line: what would control a terminal becomes \xNN."""
    return text.translate(_CONTROLS)


def visible_lines(text: str) -> str:
    r"""Several lines: what would control a terminal becomes \xNN, but for the ends of lines."""
    return text.translate(_CONTROLS_BUT_LINES)
