"""Type, Logger and fields of the message by which the host reports a terminated sandbox."""

MESSAGE_TYPE = "hekate.sandbox-terminated"
LOGGER = "hekate"
FIELDS = frozenset({"name", "plugin", "kind", "limit", "value", "usage", "record", "state", "suppressed"})
