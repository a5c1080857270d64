# SPDX-License-Identifier: Apache-2.0
"""Runs by ./bench: rounds of load on fieldrootd and on two baselines, interleaved; prints
a table, and in the last line which of the aims (docs/performance.md) are reached.

    bench.py [--large [--sizes N,...]] [--rounds N] [--count N] [--clients N] [--only enrol,idle,...]
"""
import argparse
import contextlib
import os
import sqlite3
import statistics
import tempfile

import callgrind
import device
import world

PARTS = ("enrol", "alone", "idle", "device", "profile")


class Report:
    def __init__(self):
        self.reached, self.missed = [], []

    @staticmethod
    def head(text):
        print(f"\n{text}", flush=True)

    @staticmethod
    def line(name, *values):
        print(f"  {name:<40}" + "".join(f"{v:>18}" for v in values), flush=True)

    def aim(self, name, value, limit, unit=""):
        ok = value <= limit
        (self.reached if ok else self.missed).append(name)
        print(f"  {name:<40}{value:>18.2f}{unit}  aim <= {limit}{unit}: "
              f"{'reached' if ok else 'missed'}", flush=True)

    def verdict(self):
        print(f"\n{len(self.reached)} aims reached, {len(self.missed)} missed"
              + (": " + ", ".join(self.missed) if self.missed else ""))


def median(results, key):
    return statistics.median(r[key] for r in results)


ROWS = (("bootstraps or handshakes/s", "rate", ".0f"), ("server CPU, us each", "cpu_us", ".0f"),
        ("database's or HSS's CPU, us each", "other_us", ".0f"), ("p50, ms", "p50_ms", ".1f"),
        ("p99, ms", "p99_ms", ".1f"), ("octets to the server", "octets_out", ".0f"),
        ("octets from the server", "octets_in", ".0f"), ("octets on the wire", "wire", ".0f"),
        ("fsyncs each", "syncs", ".2f"), ("rows each commit", "rows", ".1f"))


def rounds_of(subjects, how):
    """{name: {key: median}} of interleaved rounds."""
    rounds = {s.name: [] for s in subjects}
    for s in subjects:
        s.load(max(how.count // 20, how.clients), how.clients)
    for _ in range(how.rounds):
        for s in subjects:
            rounds[s.name].append(s.round(how.count, how.clients))
    return {name: {k: median(results, k) for k in results[0]}
            for name, results in rounds.items()}


def enrol(w, report, how):
    bare = w.bare()
    subjects = [s for s in (bare, w.s_server(), world.Fieldrootd(w), w.postgres(), *w.bsfs()) if s]
    report.head(f"Under load: {how.rounds} rounds of {how.count}, {how.clients} clients, "
                f"medians; {w.devices} devices")
    found = rounds_of(subjects, how)
    report.line("", *found)
    for label, key, form in ROWS:
        report.line(label, *(format(f[key], form) if key in f else "" for f in found.values()))
    base = found[bare.name]["cpu_us"]
    report.line("CPU to that of the bare handshake", *(f"{f['cpu_us'] / base:.2f}"
                                                       for f in found.values()))
    mine = found["fieldrootd"]
    pss, peak = world.memory(subjects[2].pids())
    report.line("memory, all processes, kB of PSS", "", "", pss)
    report.line("largest process at its peak, kB", "", "", peak)
    report.aim("CPU of an enrolment / bare handshake", mine["cpu_us"] / base, 1.0)
    report.aim("fsyncs per enrolment under load", mine["syncs"], 0.3)
    report.aim("octets on the wire", mine["wire"], 3500)
    if "fieldrootd-pg" in found:
        report.aim("PostgreSQL: CPU / bare handshake", found["fieldrootd-pg"]["cpu_us"] / base,
                   1.15)
    for name, cpu in (("gba", 0.8), ("gba-plain", 0.2)):
        if name in found:
            report.aim(f"{name}: CPU / certificate enrolment", found[name]["cpu_us"] / mine["cpu_us"],
                       cpu)
    if "gba" in found:
        report.aim("gba: octets on the wire", found["gba"]["wire"], 2500)
    for s in subjects:
        s.stop()


def alone(w, report, how):
    fr = world.Fieldrootd(w, "alone")
    fr.load(50, 1)
    found = fr.round(300, 1)
    report.head("One client at a time, 300 enrolments")
    report.line("p50, ms", f"{found['p50_ms']:.1f}")
    report.line("p99, ms", f"{found['p99_ms']:.1f}")
    report.line("server CPU, us each", f"{found['cpu_us']:.0f}")
    report.aim("fsyncs per enrolment alone", found["syncs"], 2)
    fr.stop()


def idle(w, report, how):
    count = 5000
    fr = world.Fieldrootd(w, "idle")
    fr.load(200, 8)
    before, _ = world.memory(fr.pids())
    with fr.idle(count):
        after, peak = world.memory(fr.pids())
    report.head(f"{count} idle TLS connections")
    report.line("PSS of all processes before, kB", before)
    report.line("... with them, kB", after)
    report.line("a connection, kB", f"{(after - before) / count:.1f}")
    fr.stop()


def large(w, report, how):
    """The same figures with few and with many stored credentials."""
    fr, figures = world.Fieldrootd(w, "large"), []
    fr.load(50, 8)
    fr.become_target()
    for size in (int(n) for n in how.sizes.split(",")):
        fr.fill(size)
        fr.load(300, 8)
        fetch = statistics.median(fr.fetches(1000)["cpu_us"] for _ in range(how.rounds))
        enrolled = statistics.median(fr.round(1500, how.clients)["cpu_us"]
                                     for _ in range(how.rounds))
        figures.append((size, fetch, enrolled, world.memory(fr.pids())[0]))
    report.head("With so many stored credentials")
    report.line("", "fetch, us CPU", "enrol, us CPU", "PSS, kB")
    for size, *values in figures:
        report.line(f"{size:,}", *(f"{v:.0f}" for v in values))
    for i, name in enumerate(("fetch CPU", "enrolment CPU", "memory"), 1):
        report.aim(f"growth of {name}", figures[-1][i] / figures[0][i], 1.10)
    fr.stop()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--large", action="store_true")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--count", type=int, default=5000)
    p.add_argument("--clients", type=int, default=32)
    p.add_argument("--only", default=",".join(PARTS))
    p.add_argument("--sizes", default="1000,1000000,10000000", help="of --large")
    how = p.parse_args()
    report = Report()
    world.raise_limits()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="fieldroot-bench-"))
        os.chmod(folder, 0o711)
        w = world.World(folder, stack.callback)
        parts = {"enrol": enrol, "alone": alone, "idle": idle, "device": device.measure,
                 "profile": callgrind.measure, "large": large}
        for name in how.only.split(",") + ["large"] * how.large:
            parts[name](w, report, how)
    report.verdict()


if __name__ == "__main__":
    main()
