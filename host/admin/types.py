"""Types that both the API and the services need."""

from __future__ import annotations

import msgspec

from host.config.model import Role

ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")
"""From the fewest rights to the most; a role includes the rights of those before it."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The authenticated sender of a request, or `anonymous`."""

    name: str
    """Name in the audit log: the token's name, `user:...` for the unix socket, `cert:...`, or `anonymous`."""
    role: Role | None
    prefixes: tuple[str, ...] | None = None
    """Name prefixes of the sandboxes that the caller may use; None means all sandboxes."""
    address: str = ""

    def owns(self, sandbox: str) -> bool:
        """Return True if the caller may use the sandbox of that name."""
        return self.prefixes is None or sandbox.startswith(self.prefixes)

    def has_role(self, required: Role | None) -> bool:
        """Return True if the caller's role includes the required one. None requires no role."""
        if required is None:
            return True
        return self.role is not None and ROLES.index(self.role) >= ROLES.index(required)
