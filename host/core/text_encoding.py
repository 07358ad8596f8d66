"""What the beginning of a file tells about its text: a byte order mark, another encoding, line ends of Windows."""

import codecs

UTF8_MARK = codecs.BOM_UTF8
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MIN_BYTES = 16
_SHARE_OF_NULS = 0.8


def mark_bytes(beginning: bytes) -> int:
    """How many bytes say only that the text is UTF-8; what reads records begins behind them."""
    return len(UTF8_MARK) if beginning.startswith(UTF8_MARK) else 0


def utf16_advice(beginning: bytes) -> str:
    """What to do about text in UTF-16; empty if it is none."""
    name = _utf16(beginning)
    if not name:
        return ""
    return (
        f"It is {name}, and decoders read UTF-8. Have it written so, or make it so first: "
        f"`iconv -f {name} -t UTF-8 FILE > FILE.utf8`."
    )


def _utf16(beginning: bytes) -> str:
    if beginning.startswith(_UTF16_MARKS):
        return "UTF-16"
    pairs = len(beginning) // 2
    if pairs * 2 < _MIN_BYTES:
        return ""
    for name, nuls, others in (("UTF-16LE", 1, 0), ("UTF-16BE", 0, 1)):
        if (
            beginning[nuls::2].count(0) >= _SHARE_OF_NULS * pairs
            and beginning[others::2].count(0) < (1 - _SHARE_OF_NULS) * pairs
        ):
            return name
    return ""


def encoding_advice(beginning: bytes) -> str:
    """What to do about text that is no UTF-8; empty if it is, or if it is no text at all."""
    if advice := utf16_advice(beginning):
        return advice
    try:
        codecs.getincrementaldecoder("utf-8")().decode(beginning)
    except UnicodeDecodeError:
        if any(byte < ord(" ") and byte not in b"\t\r\n\x1b\f" for byte in beginning):
            return ""
        return (
            "It is no UTF-8; Windows-1252 or Latin-1, by the look of it. Make it UTF-8 first: "
            "`iconv -f WINDOWS-1252 -t UTF-8 FILE > FILE.utf8`."
        )
    return ""


def ends_lines_with_crlf(beginning: bytes) -> bool:
    """Whether lines end as on Windows."""
    end = beginning.find(b"\n")
    return end > 0 and beginning[end - 1 : end] == b"\r"
