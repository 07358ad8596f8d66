"""What `make bench` runs: whole pipelines, their memory and latency, peers beside them, and parts by themselves."""
