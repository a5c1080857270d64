# SPDX-License-Identifier: Apache-2.0
"""Devices that renew without end, all at once, while a test does something to the server."""
import threading

import lab


class Load:
    """What was acknowledged, and which runs failed. renew(device) is one run.

        with Load(devices, lambda d: d.provision(site.mef(), "--renew")) as load:
            load.wait_for_each()
    """

    def __init__(self, devices, renew):
        self.devices, self.renew = devices, renew
        self.acknowledged, self.failed = [], []  # (device's name, KeID); runs
        self.over, self.lock = threading.Event(), threading.Condition()
        self.threads = [threading.Thread(target=self.run, args=(d,)) for d in devices]

    def run(self, device):
        while not self.over.is_set():
            run = self.renew(device)
            with self.lock:
                if run.status == 0:
                    self.acknowledged.append((device.name, run.outcome["keyId"]))
                else:
                    self.failed.append(run)
                self.lock.notify_all()

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for t in self.threads:
            t.join()

    def seen(self):
        """Every KeID that was acknowledged, in order."""
        with self.lock:
            return [key_id for _, key_id in self.acknowledged]

    def wait_for(self, enough):
        """Until enough([(name, KeID), ...]) of what is acknowledged from now on."""
        with self.lock:
            before = len(self.acknowledged)
            if not self.lock.wait_for(lambda: enough(self.acknowledged[before:]), lab.LIMIT):
                raise AssertionError(f"no progress; failed: {self.failed[-1:]}")

    def wait_for_more(self, n):
        self.wait_for(lambda new: len(new) >= n)

    def wait_for_each(self, n=1):
        """Until every device has n more."""
        def enough(new):
            names = [name for name, _ in new]
            return all(names.count(d.name) >= n for d in self.devices)
        self.wait_for(enough)
