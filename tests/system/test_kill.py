# SPDX-License-Identifier: Apache-2.0
"""kill -9 of every process at every durable and wire operation of discovery, exchange, ack,
report, fetch and feed, before and after it. What is killed where is not listed here: a
run whose operations are counted comes first, and each of them is a case (ops.py). What
must hold after each is in world.py."""
import signal

import lab
import ops
import world

SHOWN, WORDS = 5, 600  # broken cases that a test tells of, and their length


class Matrix(lab.TestCase):
    make_world = world.World
    step = 1  # every n-th case

    def setUp(self):
        self.world = self.make_world(self)
        self.site = self.world.site
        self.ops = self.world.ops

    def sweep(self, process, count, case, group=False, kinds=None):
        """case() with a kill at each operation of process that count() makes it do, or
        at those of some kinds (letters of ops.h)."""
        self.ops.count(process)
        count()
        seen = self.ops.seen
        self.ops.disarm()
        points = [(n, when) for n, kind in enumerate(seen, 1) if not kinds or kind in kinds
                  for when in (ops.BEFORE, ops.AFTER)]
        self.assertTrue(points, f"{process} did nothing of that: {seen}")
        broken, done, unfired = [], 0, 0
        chosen = points[::self.step * ops.SAMPLE]
        for n, when in chosen:
            self.ops.arm(process, n, when, group)
            try:
                case()
                done += self.ops.fired
                unfired += not self.ops.fired
            except AssertionError as e:
                word = ("before", "after")[when]
                broken.append(f"{word} operation {n} ({seen[:n]}): {e}"[:WORDS])
            self.ops.disarm()
        try:
            self.world.check_all()
        except AssertionError as e:
            broken.append(str(e))
        lab.note(f"{done} cases of {process}{' and all with it' if group else ''}, "
                 f"{unfired} of {len(points)} points not reached: {seen}")
        if broken:
            self.fail(f"{len(broken)} cases:\n" + "\n".join(broken[:SHOWN]))
        self.assertGreaterEqual(2 * done, len(chosen))  # runs differ by an operation or two

    def settle(self, device, *args):
        self.ops.disarm()
        self.world.check(device)
        run = self.world.provision(device, *args, haste=4)
        self.world.check_settled(device, run.status, run)


class Device(Matrix):
    """The enrolee dies."""

    def die(self, device, *args):
        """A run that is killed, unless the operation is never reached."""
        run = self.world.provision(device, *args)
        if self.ops.fired and not world.was_killed(run):
            raise world.Broken(f"it was to be killed: {run}")
        self.settle(device)

    def test_at_its_first_enrolment(self):
        new = self.world.device
        self.sweep("device", lambda: self.world.provision(new()), lambda: self.die(new()))

    def test_at_a_renewal(self):
        device = self.world.device()
        self.settle(device)
        args = *self.world.entry(), "--renew"
        self.sweep("device", lambda: self.world.provision(device, *args),
                   lambda: self.die(device, *args))

    def test_at_a_renewal_by_a_discovered_list(self):
        device = self.world.device()
        self.settle(device)
        self.site.ctl("instructions", "set", "fleet", self.site.document(self.world.instruction()))
        self.site.ctl("instructions", "assign", "fleet", "*")
        args = ("--instructions", self.site.document(self.site.discover(), name="discover.json"),
                "--renew")
        self.sweep("device", lambda: self.world.provision(device, *args),
                   lambda: self.die(device, *args))


class Resolve(Matrix):
    """The enrolee is killed, and killed again while it finds out what became of it."""

    def cut(self, make, committed):
        """A device with a pending credential that the MEF has committed, or has not."""
        while self.cut_at > 0:
            device = make()
            self.ops.arm("device", self.cut_at)
            self.world.provision(device, *self.world.entry(), "--renew")
            self.ops.disarm()
            pending = world.held(device, "pending")
            known = [row[0] for row in self.world.rows(device)]
            if pending and (pending.key_id in known) == committed:
                return device
            self.cut_at -= 1
            self.settle(device)
        raise AssertionError("no operation leaves that")

    def double(self, make, committed):
        self.ops.count("device")
        self.world.provision(make(), *self.world.entry(), "--renew")
        self.cut_at = len(self.ops.seen)

        def count():
            device = self.cut(make, committed)
            self.ops.count("device")
            self.world.provision(device)

        def case():
            n, when = self.ops.control.n, self.ops.control.after
            self.ops.disarm()
            device = self.cut(make, committed)
            self.world.check(device)
            self.ops.arm("device", n, when)
            self.world.provision(device)
            self.settle(device)
        self.sweep("device", count, case)

    def enrolled(self):
        device = self.world.device()
        self.settle(device)
        return lambda: device

    def test_of_a_renewal_that_the_mef_has_committed(self):
        self.double(self.enrolled(), True)

    def test_of_a_renewal_that_the_mef_has_not_committed(self):
        self.double(self.enrolled(), False)

    def test_of_a_first_enrolment_that_the_mef_has_committed(self):
        self.double(self.world.device, True)


class Server(Matrix):
    """A process of fieldrootd dies, or all of them at once, while a device is served."""
    GROUP = False

    def renewals(self, process, *args):
        device = self.world.device()
        self.settle(device)
        args = args or (*self.world.entry(), "--renew")

        def case():
            status = self.world.run_through_kill(self.world.argv(device, *args), "device")
            if status == 0:
                self.world.check_settled(device, status)
            self.settle(device)
        self.sweep(process, lambda: self.world.provision(device, *args), case, self.GROUP)

    def first(self, process):
        new = self.world.device

        def case():
            device = new()
            self.world.run_through_kill(self.world.argv(device), "device")
            self.settle(device)
        self.sweep(process, lambda: self.world.provision(new()), case, self.GROUP)

    def discovered(self, process):
        self.site.ctl("instructions", "set", "fleet", self.site.document(self.world.instruction()))
        self.site.ctl("instructions", "assign", "fleet", "*")
        self.renewals(process, "--instructions", self.site.document(
            self.site.discover(), name="discover.json"), "--renew")


class Worker(Server):
    def test_enrol_at_a_first_enrolment(self):
        self.first("frd-enrol")

    def test_enrol_at_a_renewal(self):
        self.renewals("frd-enrol")

    def test_discovery(self):
        self.discovered("frd-discovery")


    def test_enrol_at_a_renewal_by_a_discovered_list(self):
        self.discovered("frd-enrol")


class Signer(Server):
    def test_at_a_renewal(self):
        self.renewals("frd-signer")


class Vault(Server):
    def test_at_a_first_enrolment(self):
        self.first("frd-vault")

    def test_at_a_renewal_by_a_discovered_list(self):
        self.discovered("frd-vault")

    def test_at_a_renewal(self):
        self.renewals("frd-vault")


class Whole(Server):
    """The machine's fieldrootd, parent and all, in the middle of one of its processes."""
    GROUP = True

    def test_in_the_vault_at_a_first_enrolment(self):
        self.first("frd-vault")

    def test_in_the_vault_at_a_renewal(self):
        self.renewals("frd-vault")

    def test_in_the_enrol_worker_at_a_renewal(self):
        self.renewals("frd-enrol")


class Fed(Server):
    """Three devices, and a target that has their keys."""

    def setUp(self):
        super().setUp()
        self.devices = [self.world.device() for _ in range(3)]
        for device in self.devices:
            self.settle(device)
        self.world.check_feed(self.world.sync().status)

    def turn(self):
        self.devices.append(self.devices.pop(0))
        return self.devices[0]


class Feed(Fed):
    """fieldroot-target takes keys over; it dies, or who serves it."""

    def renew(self):
        """The feed grows, and the operations on the way there are not those in question."""
        with self.ops.aside():
            self.world.renew(self.turn())

    def check_file(self, before):
        """The broker's file is whole at every moment, and has lost no key that counts."""
        self.ops.disarm()
        with open(self.world.target.psk_file, encoding="ascii") as f:
            lines = f.read().split("\n")
        if lines.pop() != "" or not all(world.LINE.fullmatch(line) for line in lines):
            raise world.Broken("the broker's file is torn")
        lost = before - set(self.world.target.keys())
        if lost & {row[0] for row in self.world.rows()}:
            raise world.Broken(f"the broker's file has lost {lost}")

    def count(self):
        self.renew()
        self.world.sync()

    def die(self):
        self.renew()
        before = set(self.world.target.keys())
        run = self.world.sync()
        if self.ops.fired and not world.was_killed(run):
            raise world.Broken(f"it was to be killed: {run}")
        self.check_file(before)
        run = self.world.sync()
        self.world.check_feed(run.status, run)

    def serve(self):
        self.renew()
        before = set(self.world.target.keys())
        status = self.world.run_through_kill(self.world.target_argv(), "target")
        self.check_file(before)
        if status == 0:
            self.world.check_feed(status)
        self.world.check(self.devices[0])
        run = self.world.sync()
        self.world.check_feed(run.status, run)

    def test_the_target_tool_dies(self):
        self.sweep("target", self.count, self.die)

    def test_the_fetch_worker_dies(self):
        self.sweep("frd-fetch", self.count, self.serve)

    def test_the_vault_dies(self):
        self.sweep("frd-vault", self.count, self.serve)

    def test_everything_dies_in_the_fetch_worker(self):
        self.sweep("frd-fetch", self.count, self.serve, group=True)


class Watch(Fed):
    """The same while fieldroot-target stays."""

    def setUp(self):
        super().setUp()
        self.site.process(self.world.target_argv("--watch"), self.site.path("watch.log"),
                          env=self.ops.env("watch", world.HASTE["target"]))
        self.count()

    def hear(self, device):
        key_id = world.held(device, "current").key_id
        lab.wait_until(lambda: key_id in self.world.target.keys(), "the target to hear of it")

    def count(self):
        device = self.turn()
        self.world.renew(device)
        self.hear(device)

    def case(self):
        device = self.turn()
        self.world.provision(device, *self.world.entry(), "--renew")
        self.settle(device)
        self.hear(device)

    def test_the_fetch_worker_dies(self):
        self.sweep("frd-fetch", self.count, self.case)

    def test_the_vault_dies(self):
        self.sweep("frd-vault", self.count, self.case)


class Admin(Server):
    """The operator's command is cut: what it was told is done, is done."""

    def told(self, *args):
        return self.world.run_through_kill(self.world.ctl_argv(*args), "ctl")

    def add(self):
        self.world.n_devices += 1
        name = f"e{self.world.n_devices}"
        args = ("enrolee", "add", name, "--san", f"dns:{name}.example.com", "--anchor",
                self.site.device_ca.pem)
        status = self.told(*args)
        self.world.await_service()
        if status != 0:
            self.site.ctl(*args, ok=False)  # is there, or is refused: it was there
        self.assertEqual(self.site.ctl("enrolee", "show", name)["name"], name)

    def revoke(self):
        device = self.world.device()
        with self.ops.aside():
            self.world.provision(device)
        current = world.held(device, "current")
        if self.told("credential", "revoke", current.key_id) != 0:
            if self.world.fetch(current) is not None:
                self.site.ctl("credential", "revoke", current.key_id)
        self.assertIsNone(self.world.fetch(current))
        self.assertEqual(self.world.rows(device), [])

    def both(self, process, group=False):
        self.sweep(process, self.add, self.add, group)
        self.sweep(process, self.revoke, self.revoke, group)

    def test_the_admin_worker_dies(self):
        self.both("frd-admin")

    def test_the_vault_dies(self):
        self.both("frd-vault")

    def test_everything_dies_in_the_vault(self):
        self.both("frd-vault", group=True)


class Mosquitto(Server):
    """A few of them by a device that publishes with the key that it has."""

    def setUp(self):
        super().setUp()
        self.broker = lab.Broker(self.site, self.world.target.psk_file)
        self.device = self.world.device()
        self.settle(self.device)

    def publishes(self):
        self.ops.disarm()
        self.world.check(self.device)
        self.world.sync()
        self.broker.process.popen.send_signal(signal.SIGHUP)
        current = world.held(self.device, "current")
        lab.wait_until(lambda: self.broker.accepts(current.key_id, current.key.hex()),
                       f"the broker to accept {current.key_id}")

    def case(self):
        self.world.provision(self.device, *self.world.entry(), "--renew")
        self.publishes()
        self.settle(self.device)
        self.publishes()

    def renew(self):
        self.world.provision(self.device, *self.world.entry(), "--renew")

    def test_the_device_dies_where_a_slot_changes(self):
        self.sweep("device", self.renew, self.case, kinds="n")

    def test_the_vault_dies_where_it_commits(self):
        self.sweep("frd-vault", self.renew, self.case, kinds="s")


if __name__ == "__main__":
    lab.main()
