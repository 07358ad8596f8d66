"""The files of the page, served at `/`: those that were there at the start. A request names one of them, or nothing."""

from __future__ import annotations

import functools
import hashlib
import mimetypes
from pathlib import Path

from host.admin.api.handler import BaseHandler
from host.admin.problems import Problem

FOLDER = Path(__file__).resolve().parents[1] / "page"
_INDEX = "index.html"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


@functools.cache
def _files() -> dict[str, Path]:
    return {path.relative_to(FOLDER).as_posix(): path for path in FOLDER.rglob("*") if path.is_file()}


class PageHandler(BaseHandler):
    """Serves one file."""

    def get(self, name: str) -> None:
        """Answer with the file, or with 304 if the browser has it already."""
        self.check_whence()
        path = _files().get(name or _INDEX)
        if path is None:
            raise Problem(404, "There is no such page; the API is described at /docs.")
        data = path.read_bytes()
        self.set_header("ETag", f'"{hashlib.sha256(data).hexdigest()[:32]}"')
        # A browser may keep it, but asks each time whether it is still the same.
        self.set_header("Cache-Control", "no-cache")
        self.set_header("Content-Security-Policy", _POLICY)
        media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self.set_header(
            "Content-Type", f"{media_type}; charset=UTF-8" if media_type.startswith("text/") else media_type
        )
        if self.check_etag_header():
            self.set_status(304)
            return
        self.finish(data)
