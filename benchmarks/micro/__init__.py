"""Measures single components: one stage at a time, in this process, without sockets."""
