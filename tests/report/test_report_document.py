from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.factories import TARGET, cpu_def_summary, summary
from tests.report.schema import check_document
from threadscope.model.snapshot import TargetInfo
from threadscope.report.document import document


def test_it_has_all_keys_and_no_others():
    made = document("cpu", TARGET, [summary(), cpu_def_summary()])
    check_document(made)
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert [phase["variant"] for phase in made["phases"]] == ["async", "def"]


def test_without_a_phase_it_is_still_a_document():
    made = document("cpu", TARGET, [])
    check_document(made)
    assert made["phases"] == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"cpu_ns_per_request": None}, ("server", "cpu_ms_per_request")),
        ({"cores_used": None}, ("server", "cores_used")),
        ({"open_max": None}, ("server", "open_max")),
        ({"generator_percent": None}, ("load", "generator_cpu_percent")),
        ({"duration_s": 0.0}, ("requests", "per_second")),
        ({"duration_s": 0.0}, ("duration_s",)),
    ],
)
def test_what_is_not_known_is_null(change, path):
    [value] = document("cpu", TARGET, [summary(**change)])["phases"]
    for key in path:
        value = value[key]
    assert value is None


def test_a_server_without_a_probe_is_described_by_what_is_known():
    [phase] = document("cpu", TargetInfo(url="http://127.0.0.1:1"), [summary()])["phases"]
    check_document(document("cpu", TargetInfo(), [summary()]))
    assert phase["target"]["python"] is phase["target"]["gil"] is phase["target"]["loop"] is None


def test_times_are_milliseconds_and_zero_stays_zero():
    made = summary(failed=0, cpu_ns_per_request=300_200_000.4)
    [phase] = document("cpu", TARGET, [made])["phases"]
    assert phase["server"]["cpu_ms_per_request"] == 300.2
    assert phase["requests"]["failed"] == 0
    assert phase["aborted"] is None


def test_the_work_of_a_request_is_told_where_it_is_known():
    told = [replace(TARGET, work=work) for work in (4_200_000, None)]
    phases = [document("cpu", target, [summary()])["phases"][0] for target in told]
    assert [phase["target"]["work"] for phase in phases] == [4_200_000, None]
