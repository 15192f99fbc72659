"""What does the monitor itself cost? Its CPU on the CPU demo, beside top, htop and py-spy.

    python benchmarks/monitor_cost.py

`threadscope demo cpu` runs on a terminal of 120 x 36 as a user would start it, once for each kind
of endpoint. Its process does all of the watching and the screen: the CPU clock of that process is
what is measured. In turns with it `top -H -d 0.25`, `htop -d 2` (0.2 s) and `py-spy top` (100
stacks a second, as it comes) look at the same server, on terminals of the same size, and their
clocks are read alike; the monitor goes on meanwhile, as it owns the server. The load and the
server have processes of their own and are not in the figure; the load's share is printed below the
table.

Exits with 1 when the monitor takes more than 5 % of a core or 120 MB.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from pathlib import Path

from common.results import Broken, Results
from common.servers import COLUMNS, LINES, Terminal, cpu_percent, find, memory_mb
from common.table import Budget, parser, turns

MODES = ("async", "def")
LIMIT_PERCENT, LIMIT_MB = 5.0, 120.0
WARM_S, PEER_WARM_S = 5.0, 1.5
SLICE_S = 7.0
"""Three rounds of it are over the 20 s that a figure should stand on."""
MONITOR, PY_SPY = "threadscope demo cpu", "py-spy top"
TOP, HTOP = "top -H -d 0.25", "htop -d 2"
"""Four and five pictures a second: ours has four."""


class Figures:
    """What one program took: CPU in each round, memory at the end."""

    def __init__(self) -> None:
        self.percent: list[float] = []
        self.rss = self.pss = 0.0

    def look(self, pid: int, seconds: float) -> None:
        """Looks at a process for so long."""
        self.percent.append(cpu_percent(pid, seconds))
        self.rss, self.pss = memory_mb(pid)

    @property
    def median(self) -> float:
        """Percent of a core."""
        return statistics.median(self.percent)


def peers(server: int) -> tuple[dict[str, list[str]], list[str]]:
    """The commands of the peers on the server, and what is missing here, in words."""
    beside = Path(sys.executable).with_name("py-spy")
    py_spy = str(beside) if beside.exists() else shutil.which("py-spy")
    out, missing = {}, []
    for name, command, package in (
        (TOP, ["top", "-H", "-d", "0.25", "-p"], "procps"),
        (HTOP, ["htop", "-d", "2", "-p"], "htop"),
    ):
        if shutil.which(command[0]):
            out[name] = [*command, str(server)]
        else:
            missing.append(f"missing here: {command[0]} (Debian: apt-get install {package})")
    if py_spy:
        out[PY_SPY] = [py_spy, "top", "--pid", str(server)]
    else:
        missing.append("missing here: py-spy (pip install 'threadscope[bench]')")
    return out, missing


def look_at_peer(command: list[str], figures: Figures, seconds: float) -> str:
    """One slice of a peer on a terminal of its own; why it failed, "" if it did not."""
    terminal = Terminal(command)
    try:
        time.sleep(PEER_WARM_S)
        if terminal.ended is not None:
            return f"{Path(command[0]).name} does not run here: {terminal.last_words()}"
        figures.look(terminal.pid, seconds)
    finally:
        # py-spy ends at Ctrl-C, top and htop at q
        terminal.quit("q" if command[0] in ("top", "htop") else "\x03")
    return ""


def measure(results: Results, mode: str, rounds: int, seconds: float) -> dict[str, Figures]:
    """Figures of the monitor, of its peers and of the load, in one mode.

    Raises:
        Broken: the monitor did not run, or did not end well.
    """
    monitor = Terminal([sys.executable, "-m", "threadscope", "demo", "cpu", "--mode", mode])
    try:
        time.sleep(WARM_S)
        if monitor.ended is not None:
            raise Broken(f"the monitor ended: {monitor.last_words()}")
        commands, missing = peers(find(monitor.pid, "uvicorn"))
        for one in missing:
            results.say(one)
        out = {name: Figures() for name in (MONITOR, *commands)}
        for order in turns(list(out), rounds):
            for name in order:
                if name == MONITOR:
                    out[name].look(monitor.pid, seconds)
                elif name in commands:
                    trouble = look_at_peer(commands[name], out[name], seconds)
                    if trouble:
                        results.say(f"missing here: {trouble}")
                        del commands[name], out[name]
        out["load"] = Figures()
        out["load"].look(find(monitor.pid, "threadscope.load.generator"), seconds)
    finally:
        status = monitor.quit()
    if status:
        raise Broken(f"the monitor ended with status {status}: {monitor.last_words()}")
    return out


HEAD = ("% of a core", "median", "least", "most", "of ours", "RSS MB", "PSS MB")


def rows(figures: dict[str, Figures]) -> list[list[str]]:
    """A row for each program."""
    ours = figures[MONITOR].median
    return [
        [
            name,
            f"{one.median:.1f}",
            f"{min(one.percent):.1f}",
            f"{max(one.percent):.1f}",
            f"{one.median / ours:.1f} x" if ours else "-",
            f"{one.rss:.0f}",
            f"{one.pss:.0f}",
        ]
        for name, one in figures.items()
        if name != "load" and one.percent
    ]


def report(
    results: Results, mode: str, seconds: float, figures: dict[str, Figures]
) -> list[Budget]:
    """Shows the table of one mode; its budgets."""
    ours = figures[MONITOR]
    rounds = len(ours.percent)
    title = f"--mode {mode}, {COLUMNS} x {LINES}: {rounds} rounds of {seconds:g} s in turns"
    results.show(title, HEAD, rows(figures))
    results.say(f"the load process, --mode {mode}: {figures['load'].median:.1f} % of a core")
    peers = {n: one for n, one in figures.items() if n not in (MONITOR, "load") and one.percent}
    cpu, rss = ({n: getattr(one, what) for n, one in peers.items()} for what in ("median", "rss"))
    return [
        Budget(f"the monitor's CPU, --mode {mode}", ours.median, LIMIT_PERCENT, " %", cpu),
        Budget(f"the monitor's memory, RSS, --mode {mode}", ours.rss, LIMIT_MB, " MB", rss),
    ]


def main() -> int:
    """Measures both modes; the exit status."""
    arguments = parser(__doc__ or "", 3)
    arguments.add_argument("--mode", choices=[*MODES, "both"], default="both")
    options = arguments.parse_args()
    if sys.platform != "linux":
        print("skipped: this needs Linux, for the CPU clock of another process")
        return 0
    results = Results(options, "threadscope", "textual", "rich", "fastapi", "uvicorn", "py-spy")
    rounds, seconds = (1, 4.0) if options.quick else (options.rounds, SLICE_S)
    budgets: list[Budget] = []
    try:
        for mode in MODES if options.mode == "both" else (options.mode,):
            budgets += report(results, mode, seconds, measure(results, mode, rounds, seconds))
    except (Broken, OSError) as error:
        return results.fail(error)
    return results.judge(budgets)


if __name__ == "__main__":
    sys.exit(main())
