# SPDX-License-Identifier: Apache-2.0
"""fieldrootd on PostgreSQL: the main job, a database that goes away, and what is refused."""
import lab


class Store(lab.TestCase):
    def setUp(self):
        self.pg = self.postgres()
        self.lab = self.site()

    def start(self, conninfo=None, **settings):
        return self.lab.start(top=f'database = "{conninfo or self.pg.conninfo()}"', **settings)

    def test_a_device_is_provisioned_and_its_target_fetches(self):
        self.start()
        device = self.lab.listed_device()
        run = device.provision(self.lab.mef())
        self.assertEqual(run.status, 0, run)
        target = self.lab.target()
        self.assertEqual(target.sync().status, 0)
        self.assertEqual(set(target.keys()), {run.outcome["keyId"]})
        self.assertEqual(self.lab.ctl("status")["store"], "postgres")
        self.assertTrue(self.lab.ctl("audit", "--verify")["intact"])


if __name__ == "__main__":
    lab.main()
