"""The HTTP side of the admin API: routes, requests, responses."""
