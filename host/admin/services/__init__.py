"""Services behind the admin API."""
