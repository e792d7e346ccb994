"""Runs programs and measures each: wall time, its own CPU time, its own peak of memory, its output's size."""

import os
import select
import subprocess
import tempfile
import time
from dataclasses import dataclass

POLL_MS = 50  # how often the peak of memory is asked for


class RunFailed(Exception):
    """A program that did not do what was measured: its times mean nothing."""


@dataclass
class Run:
    """One program (or pipeline), from its start to its end. CPU and memory are its own, never the server's."""

    seconds: float
    user_seconds: float
    system_seconds: float
    peak_bytes: int
    others_seconds: float = 0   # CPU time of all else on the machine meanwhile: the server, where it is here
    stolen_seconds: float = 0   # which a virtual machine wanted and its host gave to others
    rows: int = 0
    bytes: int = 0
    floor_seconds: float = 0    # what the floor took just before and after, on average; 0: nobody looked
    floor_cpu_seconds: float = 0  # and its and the server's CPU time

    def cpu_seconds(self):
        return self.user_seconds + self.system_seconds + self.others_seconds


def machine_seconds():
    """CPU time of the whole machine since it started: (busy with anything, stolen by the host of a virtual one)."""
    with open("/proc/stat", encoding="ascii") as f:
        user, nice, system, _idle, _disk, irq, softirq, stolen = map(int, f.readline().split()[1:9])
    ticks = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / ticks, stolen / ticks


def peak_memory_bytes(pid):
    """VmHWM, which begins at exec, unlike ru_maxrss, which a child inherits. 0 where the process is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def wait_for_all(processes):
    """Gives (sum of rusage's user, of its system time, sum of the peaks of memory); sets each returncode."""
    poll, running, peaks, user, system = select.poll(), {}, {}, 0.0, 0.0
    for process in processes:
        fd = os.pidfd_open(process.pid)
        running[fd] = process
        poll.register(fd, select.POLLIN)
    while running:
        for process in running.values():
            peaks[process.pid] = max(peak_memory_bytes(process.pid), peaks.get(process.pid, 0))
        for fd, _ in poll.poll(POLL_MS):
            process = running.pop(fd)
            poll.unregister(fd)
            os.close(fd)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            user += used.ru_utime
            system += used.ru_stime
    return user, system, sum(peaks.values())


def end_all(processes):
    for process in processes:
        if process.returncode is None:
            process.kill()
            process.wait()


def start_pipeline(commands, environment, out, err):
    processes, source = [], subprocess.DEVNULL
    for argv in commands:
        target = out if argv is commands[-1] else subprocess.PIPE
        try:
            process = subprocess.Popen(argv, stdin=source, stdout=target, stderr=err, env=environment)
        except OSError as problem:
            end_all(processes)
            raise RunFailed(f"cannot start {argv[0]}: {problem.strerror}") from problem
        finally:
            if processes:
                source.close()  # the next program's alone: else it never sees an end of file
        source = process.stdout
        processes.append(process)
    return processes


def run_measured(commands, environment, out_path=None):
    """Runs a pipeline of one or more programs. Gives (Run, standard output, standard error).

    With out_path, standard output goes there. Raises RunFailed if one of them ends badly."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        target = open(out_path, "wb") if out_path else out
        try:
            busy, stolen = machine_seconds()
            started = time.monotonic()
            processes = start_pipeline(commands, environment, target, err)
            try:
                user, system, peak = wait_for_all(processes)
            except BaseException:
                end_all(processes)
                raise
            seconds = time.monotonic() - started
            busy, stolen = (now - before for now, before in zip(machine_seconds(), (busy, stolen)))
        finally:
            if out_path:
                target.close()
        out.seek(0)
        err.seek(0)
        printed, said = out.read().decode("utf-8", "replace"), err.read().decode("utf-8", "replace")
    for process in processes:
        if process.returncode != 0:
            name = os.path.basename(process.args[0])
            raise RunFailed(f"{name} ended with {process.returncode}: {said.strip()[-500:]}")
    return Run(seconds, user, system, peak, max(0.0, busy - user - system), stolen), printed, said
