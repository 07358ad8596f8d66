"""Types of problems that a client must distinguish from others with the same HTTP status."""

from enum import StrEnum


class ProblemType(StrEnum):
    """The member `type` of a problem (RFC 9457)."""

    OF_STATUS = "about:blank"
    """The HTTP status alone describes the problem."""
    NO_SUCH_VERSION = "urn:hekate:no-such-version"
