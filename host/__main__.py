"""`python -m host` is `hekate`."""

from host.cli.main import main

main()
