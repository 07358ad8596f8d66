"""Parts of the path by themselves: one stage at a time, in this process, without sockets."""
