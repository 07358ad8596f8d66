"""Types of problems that a client must tell from others of the same HTTP status."""

from enum import StrEnum


class ProblemType(StrEnum):
    """The member `type` of a problem (RFC 9457)."""

    OF_STATUS = "about:blank"
    """The status says enough."""
    NO_SUCH_VERSION = "urn:hekate:no-such-version"
