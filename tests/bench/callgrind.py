# SPDX-License-Identifier: Apache-2.0
"""Where the instructions go: one enrol worker and the vault under callgrind."""
import glob
import os
import re
import shutil
import subprocess

import world

COUNT, TOP = 100, 30
SERVING = ("fr_vault_run", "fr_worker_run")  # not the start of a process


def functions(path, inclusive):
    """[(instructions, name)] of one process, largest first; and their total, which is 0
    of a process that never came to serve."""
    text = subprocess.run(
        ["callgrind_annotate", f"--inclusive={'yes' if inclusive else 'no'}",
         "--threshold=100", path], capture_output=True, text=True, check=True).stdout
    totals = re.search(r"([\d,]+) .*PROGRAM TOTALS", text)
    total = int(totals[1].replace(",", "")) if totals else 0
    rows = []
    for count, name in re.findall(r"(?m)^ *([\d,]+) \([^)]*\)  (\S.*)$", text):
        if "PROGRAM TOTALS" not in name:
            name = re.sub(r" \[.*?\]$", "", name).rpartition(":")[2].split("'")[0]
            rows.append((int(count.replace(",", "")), name))
    return rows, total


def show(report, kind, path):
    rows, total = functions(path, True)
    report.head(f"{kind}: {total / COUNT / 1000:.0f} thousand instructions an enrolment")
    seen = set()
    for count, name in rows:
        if not name.startswith("0x") and name not in seen and len(seen) < TOP and count < total * 0.9:
            seen.add(name)
            report.line(name[:40], f"{count / COUNT / 1000:.1f} k",
                        f"{100 * count / total:.1f} %")


def measure(w, report, _how):
    if not shutil.which("valgrind"):
        report.head("No valgrind: where the instructions go is not shown")
        return
    out = os.path.join(w.folder, "callgrind")
    os.makedirs(out, mode=0o1777)
    os.chmod(out, 0o1777)
    fr = world.Fieldrootd(w, "profiled", workers=1, env=dict(os.environ), wrap=[
        "valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={out}/%p",
        *(f"--toggle-collect={name}" for name in SERVING)])
    fr.syncs = []
    fr.load(COUNT, 4)
    fr.stop()
    sizes = sorted(((functions(path, True)[1], path)
                    for path in glob.glob(out + "/*") if os.path.getsize(path)), reverse=True)
    for kind, (_, path) in zip(("enrol worker", "vault"), sizes):
        show(report, kind, path)
