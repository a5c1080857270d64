# SPDX-License-Identifier: Apache-2.0
"""The device's side: memory and fsyncs of one `fieldroot provision`."""
import os
import subprocess

import world
from world import lab


def run(argv, syncs, **how):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=syncs.env(),
                          **how)
    if done.returncode != 0:
        raise SystemExit(f"bench: {argv[0]}: {done.stdout}\n{done.stderr}")


def measure(w, report, _how):
    fr = world.Fieldrootd(w, "device")
    own = lab.Device(fr.site, "bench")
    ours, theirs = (world.Syncs(os.path.join(own.folder, name)) for name in ("a", "b"))
    run([lab.program("fieldroot"), "provision", "--config", own.config,
         f"{lab.MEF}:{fr.port}"], ours)
    run(["openssl", "s_client", "-connect", f"127.0.0.1:{fr.port}", "-servername", lab.MEF,
         "-verify_hostname", lab.MEF, "-verify_return_error", "-CAfile", w.site.mef_ca.pem,
         "-cert", own.cert, "-key", own.key], theirs, stdin=subprocess.DEVNULL)
    report.head("The device: one `fieldroot provision`")
    report.line("VmHWM of openssl s_client, kB", theirs.peak_kb)
    report.aim("device VmHWM / that of s_client", ours.peak_kb / theirs.peak_kb, 1.0)
    report.aim("fsyncs of a provision", ours.count, 4)
    fr.stop()
