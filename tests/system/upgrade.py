#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""upgrade.py FIELDROOTD: a rolling upgrade from that older program to the one that is
built here, on PostgreSQL and under load. Not a part of ./check, which has no older one:
build one in a work tree of an older commit. FIELDROOT_BUILD names the build of this one."""
import contextlib
import shutil
import sys

import lab
import test_nodes
from load import Load

OLD = sys.argv.pop(1) if len(sys.argv) > 1 else None


@contextlib.contextmanager
def older():
    """What is started meanwhile is the older one."""
    newer = lab.program
    lab.program = lambda name: OLD if name == "fieldrootd" else newer(name)
    try:
        yield
    finally:
        lab.program = newer


class Upgrade(test_nodes.NodesTest):
    def schema(self):
        return self.primary.sql("SELECT MAX(version) FROM schema_version")

    def test_one_node_after_the_other_while_devices_enrol(self):
        one, two, three = self.nodes
        with older():
            self.start_nodes(0, 1)
        self.a_target, was = self.target(), self.schema()
        devices = [test_nodes.Device(self.lab, self.net, f"d{n}", [1 + n % 2, 2 - n % 2])
                   for n in range(4)]
        with Load(devices, test_nodes.Device.renew) as load:
            load.wait_for_each()
            shutil.copy(one.kek, three.kek)
            three.start()
            load.wait_for_each(2)
            for n, device in enumerate(devices):
                device.know([3, 1 + n % 2])
            load.wait_for_each(2)
        self.assertEqual(load.failed, [])
        self.assertEqual(len(load.seen()), len(set(load.seen())))
        for node in (one, two, three):
            self.assertServes(node, devices)
        lab.note(f"schema {was[0]}, then {self.schema()[0]}; {len(load.seen())} acknowledged")
        one.process.stop()
        if was != self.schema():
            with older():
                self.assertIn("a newer fieldrootd made this database", one.refusal())
        one.start()
        self.assertServes(one, devices)


if __name__ == "__main__":
    if not OLD:
        sys.exit(__doc__)
    lab.main()
