from __future__ import annotations

from dataclasses import replace

from tests import factories as f
from threadscope.model.snapshot import Health
from threadscope.report.dump import dump_document, dump_lines


def test_lines_name_the_server_its_threads_and_what_they_do():
    snapshot = f.cpu_async()
    lines = list(dump_lines(snapshot))
    assert lines[0] == snapshot.target.command
    assert f"on {snapshot.target.url}" in lines[1]
    rows = [line for line in lines if line.startswith(f"{snapshot.threads[0].pid:>8} ")]
    assert len(rows) == len(snapshot.threads)
    busy = next(row for row in snapshot.threads if row.now is not None)
    assert any(f"#{busy.now.request} {busy.now.endpoint.label}" in row for row in rows)
    assert "limited" not in "\n".join(lines)


def test_what_limits_it_is_said():
    snapshot = replace(
        f.cpu_async(), open=None, queued=3, queued_at_least=True, websockets=None,
        health=Health(limited="threads only; start it by `threadscope run`"),
    )  # fmt: skip
    text = "\n".join(dump_lines(snapshot))
    assert "limited: threads only" in text
    assert "at least 3 waiting" in text
    assert "open request" not in text
    found = dump_document(snapshot)
    assert found["requests"]["open"] is None
    assert found["limited"].startswith("threads only")


def test_the_document_has_a_row_a_thread():
    snapshot = f.cpu_async()
    found = dump_document(snapshot)
    assert [thread["tid"] for thread in found["threads"]] == [row.tid for row in snapshot.threads]
    assert found["target"]["pids"] == list(snapshot.target.pids)
    assert {thread["role"] for thread in found["threads"]} <= {
        "event loop",
        "worker",
        "other",
        "probe",
    }
