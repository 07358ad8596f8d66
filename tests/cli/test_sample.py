"""The job of `make run`, on a smaller sample, against counts made independently of Lua."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINES = 20_000


def test_the_sample_job_finds_every_error_and_counts_every_status(tmp_path):
    subprocess.run([sys.executable, ROOT / "scripts" / "sample_data", tmp_path, str(LINES)], check=True, timeout=60)
    command = [sys.executable, "-m", "host", "run", "--once", ROOT / "conf" / "examples" / "sample.yaml"]
    result = subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SAMPLE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert result.returncode == 0, result.stderr
    statuses = re.findall(r'" (\d{3}) \d+ "', (tmp_path / "access.log").read_text())
    services = [json.loads(line) for line in (tmp_path / "service.log").read_text().splitlines()]
    errors = [json.loads(line) for line in (tmp_path / "errors.jsonl").read_text().splitlines()]
    counted = Counter()
    for line in result.stdout.splitlines():
        _, status, count = line.split("\t")
        counted[status] += int(count)
    assert len(statuses) == LINES
    assert counted == Counter(statuses)
    assert sum("status" in error for error in errors) == sum(status >= "500" for status in statuses)
    assert [error["request.id"] for error in errors if "level" in error] == [
        document["request"]["id"] for document in services if document["level"] == "error"
    ]
    assert "records/s" in result.stderr
