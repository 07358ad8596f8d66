"""Escapes text from logs, so that it cannot control the terminal."""

_TAB, _LINE_END = ord("\t"), ord("\n")
_CONTROLS = (*range(32), *range(127, 160))
_TURNS_TEXT = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Characters that reorder text on a terminal."""
_ENDS_LINES = (0x2028, 0x2029)
_SHOWN = {code: f"\\x{code:02x}" for code in _CONTROLS if code != _TAB}
_SHOWN |= {code: f"\\u{code:04x}" for code in (*_TURNS_TEXT, *_ENDS_LINES)}
_SHOWN_BUT_LINES = {code: shown for code, shown in _SHOWN.items() if code != _LINE_END}


def visible(text: str) -> str:
    r"""Return one line, in which characters that control a terminal or reorder text become \xNN or \uNNNN."""
    return text.translate(_SHOWN)


def visible_lines(text: str) -> str:
    r"""Return text with all control and reordering characters escaped, except line ends."""
    return text.translate(_SHOWN_BUT_LINES)
