"""Text properties that show at the beginning of a file: byte order mark, encoding, line endings."""

import codecs

UTF8_MARK = codecs.BOM_UTF8
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MIN_BYTES = 16
_SHARE_OF_NULS = 0.8


def mark_bytes(beginning: bytes) -> int:
    """Return the length of a UTF-8 byte order mark, which readers skip; 0 if there is none."""
    return len(UTF8_MARK) if beginning.startswith(UTF8_MARK) else 0


def utf16_advice(beginning: bytes) -> str:
    """Return advice for text in UTF-16; empty for any other text."""
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
    """Return advice for text that is not UTF-8; empty for UTF-8 and for binary data."""
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
    """Return True if the first line ends with CR LF."""
    end = beginning.find(b"\n")
    return end > 0 and beginning[end - 1 : end] == b"\r"
