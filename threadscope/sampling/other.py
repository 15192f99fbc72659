"""Where there is no /proc: the CPU of the whole process, from psutil. Not tested by us.

psutil's threads are no help there: on macOS they need root and carry no thread ids before
psutil 8. The probe's own thread clocks fill the gap.
"""

from __future__ import annotations

import psutil

from threadscope.model.sample import ProcessSample


class ProcessSampler:
    """Looks at one process; its threads stay unknown.

    Args:
        pid: the process.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._process: psutil.Process | None = psutil.Process(pid)
        except psutil.Error:
            self._process = None

    def sample(self, t: int) -> ProcessSample | None:
        """The process's CPU at `t` (monotonic ns), with no threads; None when it is gone."""
        if self._process is None:
            return None
        try:
            times = self._process.cpu_times()
        except psutil.Error:
            self._process = None
            return None
        return ProcessSample(self.pid, t, int((times.user + times.system) * 1e9), ())

    def close(self) -> None:
        """Every later sample is None."""
        self._process = None
