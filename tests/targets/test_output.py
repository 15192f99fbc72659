from __future__ import annotations

import os
import sys
import threading
import tracemalloc

import pytest

from threadscope.targets.output import OutputBuffer


def test_keeps_the_last_lines_in_order():
    output = OutputBuffer(max_lines=3)
    output.feed(b"one\ntwo\nthr")
    assert output.lines(10) == ("one", "two")
    output.feed(b"ee\nfour\nfive\n")
    assert output.lines(10) == ("three", "four", "five")
    assert output.lines(2) == ("four", "five")
    assert output.count == 5


def test_without_news_it_is_the_same_object():
    output = OutputBuffer()
    output.feed(b"one\n")
    lines = output.lines(5)
    assert output.lines(5) is lines
    output.feed(b"two\n")
    assert output.lines(5) == ("one", "two")


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (b"\x1b[31mred\x1b[0m \x1b]0;title\x07\x00end\n", "red end"),
        (b"windows\r\n", "windows"),
        (b" 10 %\r 20 %\r100 %\n", "100 %"),
        ("naïve \u202eevil\n".encode(), "naïve evil"),
        (b"\xff\xfe bytes\n", "\ufffd\ufffd bytes"),
        (b"\n", ""),
    ],
)
def test_lines_are_harmless(printed, shown):
    output = OutputBuffer()
    output.feed(printed)
    assert output.lines(1) == (shown,)


def test_a_long_line_is_cut_and_says_so():
    output = OutputBuffer(max_line=10)
    output.feed(b"0123456789\n0123456789A\n" + b"x" * 25)
    output.feed(b"y" * 25 + b"\nshort\n")
    assert output.lines(4) == ("0123456789", "012345678…", "xxxxxxxxx…", "short")


def test_a_flood_without_line_ends_takes_no_memory():
    output = OutputBuffer()
    chunk = b"x" * 65536
    tracemalloc.start()
    try:
        for _ in range(500):  # 32 MB
            output.feed(chunk)
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
    output.feed(b"\nafter\n")
    assert output.lines(1) == ("after",)


def test_reads_a_pipe_to_its_end_and_closes_it():
    output = OutputBuffer()
    read, write = os.pipe()
    output.read_from(read)
    os.write(write, b"one\nno line end")
    os.close(write)
    assert output.join(10)
    assert output.lines(5) == ("one", "no line end")
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(read)


def test_a_writer_never_waits_for_those_who_look():
    output = OutputBuffer(max_lines=50)
    read, write = os.pipe()
    output.read_from(read)
    done = threading.Event()

    def server():
        for number in range(3000):  # 150 kB, more than a pipe holds
            os.write(write, b"line %044d\n" % number)
        os.close(write)
        done.set()

    writer = threading.Thread(target=server)
    writer.start()
    while not done.is_set():
        lines = output.lines(50)
        numbers = [int(line.split()[1]) for line in lines]
        assert numbers == list(
            range(numbers[-1] - len(numbers) + 1, numbers[-1] + 1) if numbers else []
        )
    writer.join()
    assert output.join(10)
    assert output.lines(1) == (f"line {2999:044}",)
    assert output.count == 3000


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody naps")
def test_a_server_that_floods_while_the_reader_naps_need_not_wait():
    output = OutputBuffer()
    read, write = os.pipe()
    output.read_from(read)
    os.write(write, b"a little\n")
    while not output.count:
        threading.Event().wait(0.001)
    os.set_blocking(write, False)
    flood = b"x" * 79 + b"\n"
    assert os.write(write, flood * 6_000) == 480_000, "as much at once as eight usual pipes hold"
    os.close(write)
    assert output.join(10)
    assert output.count == 6_001
