# SPDX-License-Identifier: Apache-2.0
"""The agent: the boot trigger, starting again after a failure, a clean end, one run at a
time."""
import json
import os
import signal
import time

import lab


class Agent(lab.TestCase):
    def setUp(self):
        self.lab = self.site().start()

    def listed(self, name="dev1", entries=None, more=""):
        list_ = self.lab.document(*(entries or [self.lab.bootstrap()]), name=name + ".json")
        return self.lab.listed_device(
            name, agent=f'instructions = "{list_}" retry-first = PT1S retry-max = PT2S {more}')

    def wait_for_credential(self, device):
        lab.wait_until(lambda: "current" in device.slots(), "the agent's credential")

    def test_boot_up_without_a_credential_triggers_the_configured_list(self):
        device = self.listed()
        agent = device.start("agent")
        self.wait_for_credential(device)
        self.assertEqual(agent.stop(), 0)

    def test_the_program_that_is_an_agent_alone_does_the_same(self):
        device = self.listed()
        agent = self.lab.process([lab.program("fieldroot-agent"), device.config],
                                 os.path.join(device.folder, "agent-alone.log"))
        self.wait_for_credential(device)
        run = device.provision("--instructions", self.lab.document(self.lab.bootstrap()))
        self.assertEqual(run.outcome["reason"], "nothing-to-do", run)
        self.assertEqual(agent.stop(), 0)
        self.assertIn("provisioned", agent.text())
        self.assertEqual(lab.run(lab.program("fieldroot-agent"), "/nowhere").status, 65)
        self.assertEqual(lab.run(lab.program("fieldroot-agent"), "a", "b").status, 64)
        self.assertEqual(lab.run(lab.program("fieldroot-agent"), "--help").status, 64)

    def test_boot_up_with_a_valid_credential_does_nothing(self):
        device = self.listed()
        device.provision(self.lab.mef())
        before = self.lab.ctl("credential", "list")
        agent = device.start("agent")
        lab.wait_until(lambda: os.path.exists(os.path.join(device.state, "agent.sock")),
                       "the agent's socket")
        run = device.provision("--instructions", self.lab.document(self.lab.bootstrap()))
        self.assertEqual(run.status, 0, run)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(self.lab.ctl("credential", "list"), before)

    def test_the_agent_discovers_too(self):
        self.lab.ctl("target", "add", lab.BROKER)
        port = self.lab.ports["discovery"]
        device = self.lab.listed_device(agent=(
            f'discover = "https://{lab.DISCOVERY}:{port}/"'))
        self.lab.ctl("instructions", "set", "fleet", self.lab.document(self.lab.bootstrap()))
        self.lab.ctl("instructions", "assign", "fleet", "--all")
        agent = device.start("agent")
        self.wait_for_credential(device)
        self.assertEqual(agent.stop(), 0)

    def test_after_failed_the_list_starts_again_until_the_operator_allows_it(self):
        device = self.listed(entries=[self.lab.bootstrap(target="late.example.com")])
        agent = device.start("agent")
        lab.wait_until(lambda: "target-not-registered" in json.dumps(
            self.lab.ctl("explain", "dev1")), "the first refusal")
        self.lab.ctl("target", "add", "late.example.com")
        self.lab.ctl("enrolee", "allow", "dev1", "late.example.com")
        self.wait_for_credential(device)
        self.assertEqual(agent.stop(), 0)

    def test_sigterm_ends_it_cleanly_at_any_moment(self):
        entries = [{"bootstrap": "certificate", "mef": lab.MEF, "port": 1}, self.lab.bootstrap()]
        device = self.listed(entries=entries)
        for pause in (0, 0.01, 0.03, 0.1, 0.3):
            with self.subTest(pause=pause):
                agent = device.start("agent")
                lab.wait_until(lambda: self.minds_sigterm(agent.pid), "its signal mask")
                time.sleep(pause)  # the moment is the test's subject, nothing is awaited
                self.assertEqual(agent.stop(signal.SIGTERM), 0)

    @staticmethod
    def minds_sigterm(pid):
        """Whether the process blocks or catches SIGTERM: before that no program can."""
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            masks = [int(line.split()[1], 16) for line in f
                     if line.startswith(("SigBlk", "SigCgt"))]
        return any(mask >> (signal.SIGTERM - 1) & 1 for mask in masks)

    def test_provision_hands_its_list_to_a_running_agent(self):
        device = self.listed(entries=[self.lab.bootstrap(target="never.example.com")])
        agent = device.start("agent")
        lab.wait_until(lambda: os.path.exists(os.path.join(device.state, "agent.sock")),
                       "the agent's socket")
        def through():
            run = device.provision("--instructions", self.lab.document(self.lab.bootstrap()))
            return run if run.status != 75 else None
        run = lab.wait_until(through, "the agent to take the list")
        self.assertEqual(run.status, 0, run)
        self.assertEqual(run.outcome["outcome"], "provisioned")
        self.assertEqual(agent.stop(), 0)

    def test_trigger_rings_the_agent(self):
        device = self.listed(entries=[self.lab.bootstrap(target="late.example.com")],
                             more="")
        device.settings["agent"] = device.settings["agent"].replace(
            "retry-first = PT1S retry-max = PT2S", "retry-first = PT1H retry-max = PT2H")
        device.write_config()
        agent = device.start("agent")
        lab.wait_until(lambda: "target-not-registered" in json.dumps(
            self.lab.ctl("explain", "dev1")), "the first refusal")
        self.lab.ctl("target", "add", "late.example.com")
        self.lab.ctl("enrolee", "allow", "dev1", "late.example.com")
        lab.wait_until(lambda: device.fieldroot("trigger").status == 0, "the bell to be heard")
        self.wait_for_credential(device)
        self.assertEqual(agent.stop(), 0)


class OneAtATime(lab.TestCase):
    def test_a_second_provision_is_told_of_the_first(self):
        site = self.site().start()
        device = site.listed_device()
        peer = lab.Peer(*site.mef_cert, None, lambda tls: tls.recv(10 ** 6) and tls.recv(1))
        self.addCleanup(peer.close)
        slow = device.start("provision", "--instructions", site.document(
            site.bootstrap(port=peer.port), name="slow.json"))
        lab.wait_until(lambda: peer.count, "the first run to be under way")
        run = device.provision(site.mef())
        self.assertEqual(run.status, 75, run)
        self.assertRegex(run.out + run.err, "lock|another run")
        self.assertEqual(slow.stop(signal.SIGINT), 75)
        self.assertEqual(device.provision(site.mef()).status, 0)

    def test_sigterm_interrupts_a_run(self):
        site = self.site().start()
        device = site.listed_device()
        peer = lab.Peer(*site.mef_cert, None, lambda tls: tls.recv(10 ** 6) and tls.recv(1))
        self.addCleanup(peer.close)
        run = device.start("provision", "--instructions", site.document(
            site.bootstrap(port=peer.port)))
        lab.wait_until(lambda: peer.count, "the run to be under way")
        self.assertEqual(run.stop(signal.SIGTERM), 75)


class Crash(lab.TestCase):
    """kill -9 between the commit at the MEF and the flip at the device: resolve."""

    def cut_exchange(self, commit):
        """Leaves a pending slot; the MEF has committed, or not."""
        site = self.site().start()
        device = site.listed_device()
        self.assertEqual(device.provision(site.mef()).status, 0)
        current = device.slot("current")
        pending = current.removesuffix("current") + "pending"
        with open(current, "rb") as f:
            old = f.read()
        self.assertEqual(device.provision(site.mef(), "--renew").status, 0)
        if commit:  # put the clock back: the new credential is still pending
            os.rename(current, pending)
            with open(current, "wb") as f:
                f.write(old)
        else:  # a key registration that the MEF never committed
            site.ctl("credential", "revoke", device.credentials()[0]["keyId"])
            os.rename(current, pending)
        return site, device, old

    def test_a_committed_exchange_is_flipped(self):
        site, device, _ = self.cut_exchange(commit=True)
        current = [c["keyId"] for c in site.ctl("credential", "list") if c["slot"] == "current"]
        run = device.provision(site.mef())
        self.assertEqual(run.status, 0, run)
        self.assertEqual(run.attempts[0]["position"], "resolve", run)
        self.assertEqual([c["keyId"] for c in device.credentials()], current)
        self.assertEqual(device.slots(), {"current"})

    def test_an_uncommitted_exchange_is_dropped_and_the_list_walked(self):
        site, device, _ = self.cut_exchange(commit=False)
        run = device.provision(site.mef())
        self.assertEqual(run.status, 0, run)
        self.assertEqual(run.attempts[0]["position"], "resolve", run)
        self.assertEqual(run.attempts[-1]["position"], "1", run)
        self.assertEqual(device.slots(), {"current"})

    def test_a_pending_slot_is_kept_while_its_mef_is_unreachable(self):
        site, device, _ = self.cut_exchange(commit=True)
        site.stop()
        run = device.provision("--instructions", site.document(
            site.bootstrap(budget="PT1S", target="other.example.com")))
        self.assertEqual(run.status, 69, run)
        self.assertEqual(device.slots(), {"current", "pending"})


if __name__ == "__main__":
    lab.main()
