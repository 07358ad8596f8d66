"""The admin HTTP API: what runs, seen and changed over HTTP. Imported only where the configuration has `admin`."""
