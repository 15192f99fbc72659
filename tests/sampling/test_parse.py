from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threadscope.model.text import clean
from threadscope.sampling import parse

counters = st.integers(0, 2**63)
comms = st.binary(max_size=15).filter(lambda comm: b"\0" not in comm) | st.sampled_from(
    [b"a b", b"a) R 1 2", b"((", b"))", b"\n", b") S\n9 (x", b"AnyIO worker th", b""]
)


def stat_line(comm: bytes, state: str, values: list[int]) -> bytes:
    """As fs/proc/array.c writes it: 52 fields."""
    return b"77 (" + comm + b") " + f"{state} {' '.join(map(str, values))}\n".encode()


@given(comms, st.sampled_from("RSDZTX"), st.lists(counters, min_size=49, max_size=49))
def test_stat_reads_the_fields_whatever_the_name_holds(comm, state, values):
    stat = parse.parse_stat(stat_line(comm, state, values))
    # proc(5) counts fields from 1: state is 3, so values[0] is 4
    assert stat.state == state
    assert stat.ticks == values[14 - 4] + values[15 - 4]
    assert stat.born == values[22 - 4]
    assert stat.processor == values[39 - 4]
    line = stat_line(comm, state, values)
    assert parse.stat_processor(line, parse.split_stat(line)) == stat.processor
    assert stat.name == clean(comm.decode(errors="replace"))


@given(st.binary(max_size=300))
def test_garbage_is_a_value_error_and_nothing_else(data):
    for parser in (parse.parse_stat, parse.parse_schedstat, parse.parse_switches):
        try:
            parser(data)
        except ValueError:
            continue


@pytest.mark.parametrize("data", [b"", b"77 (a", b"77 (a) S 1 2"])
def test_half_a_stat_is_refused(data):
    with pytest.raises(ValueError, match=r"."):
        parse.parse_stat(data)
    with pytest.raises(ValueError, match=r"."):
        parse.stat_processor(data, parse.split_stat(data))


@given(counters, counters, counters)
def test_schedstat(on_cpu, waiting, slices):
    data = f"{on_cpu} {waiting} {slices}\n".encode()
    assert parse.parse_schedstat(data) == (on_cpu, waiting, slices)


@given(counters, counters)
def test_switches(voluntary, involuntary):
    status = (
        # the kernel escapes a newline in the name, so this text can only be at the end
        b"Name:\tvoluntary_ctxt_switches:\nState:\tS (sleeping)\n"
        + f"voluntary_ctxt_switches:\t{voluntary}\n".encode()
        + f"nonvoluntary_ctxt_switches:\t{involuntary}\n".encode()
    )
    assert parse.parse_switches(status) == (voluntary, involuntary)


def test_switches_of_a_kernel_that_counts_none():
    with pytest.raises(ValueError, match="no context switches"):
        parse.parse_switches(b"Name:\tx\nState:\tS (sleeping)\n")
