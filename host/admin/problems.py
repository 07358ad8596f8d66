"""Errors as problem details (RFC 9457)."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus

import msgspec

from host.core.errors import ConfigError
from host.core.problem_types import ProblemType

MEDIA_TYPE = "application/problem+json"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault in a configuration or a script, as `hekate validate` tells it."""

    message: str
    file: str = ""
    line: int = 0
    """From 1; 0 if it is in no line."""
    path: str = ""
    hint: str = ""


class ProblemDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Problem details (RFC 9457)."""

    title: str
    status: int
    detail: str = ""
    instance: str = ""
    type: ProblemType = ProblemType.OF_STATUS
    errors: list[Fault] = []


class Problem(Exception):  # noqa: N818 -- the word of RFC 9457
    """An answer that is not what was asked for.

    Args:
        status: Of HTTP.
        detail: What is wrong and what to do about it, in sentences.
        errors: Single faults, if there are several.
        headers: More headers of the answer.
        problem_type: What a client cannot tell from the status.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Iterable[Fault] = (),
        headers: Mapping[str, str] | None = None,
        problem_type: ProblemType = ProblemType.OF_STATUS,
    ) -> None:
        super().__init__(detail)
        self.type = problem_type
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})

    def document(self, instance: str) -> ProblemDetails:
        """The body of the answer."""
        title = HTTPStatus(self.status).phrase
        return ProblemDetails(
            title=title,
            status=self.status,
            detail=self.detail,
            instance=instance,
            type=self.type,
            errors=self.errors,
        )


def not_found(what: str) -> Problem:
    """There is no such thing."""
    return Problem(404, f"There is no {what}.")


def of_config_errors(errors: Iterable[ConfigError]) -> list[Fault]:
    """Faults of a configuration or a plugin's header."""
    return [
        Fault(message=error.message, file=error.file, line=error.line, path=error.path, hint=error.hint)
        for error in errors
    ]
