# SPDX-License-Identifier: Apache-2.0
"""Malformed instruction documents and config files, as an operator meets them: exit 65, and
words that name what, where and what to do. (The codec's own tests are unit tests.)"""
import json
import os

import lab

GOOD = {"bootstrap": "certificate", "mef": lab.MEF}


def document(*entries, **members):
    return json.dumps({"version": 1, "instructions": list(entries), **members})


# name: (text, what lint must say)
BAD = {
    "malformed": ('{"version": 1,, "instructions": []}', ":1:"),
    "truncated": (document(GOOD)[:-7], "premature end"),
    "oversized": (document(GOOD, name="x" * 300_000), "262144"),
    "duplicate member": ('{"version": 1, "version": 1, "instructions": []}', "version"),
    "unknown member": (document({**GOOD, "mfe": 1}), "/instructions/0/mfe"),
    "65 entries": (document(*[GOOD] * 65), "64"),
    "no entry": (document(), "1"),
    "wrong type": (document({**GOOD, "port": "8443"}), "/instructions/0/port"),
    "port out of range": (document({**GOOD, "port": 65536}), "65535"),
    "neither kind": (document({"mef": lab.MEF}), "/instructions/0"),
    "both kinds": (document({**GOOD, "discovery": "file", "resource": "file:///x"}),
                   "/instructions/0"),
    "5,000 levels deep": ("[" * 5000 + "]" * 5000, ":1:"),
    "bad UTF-8": (b'{"version": 1, "instructions": [{"bootstrap": "\xff"}]}', "UTF-8"),
    "NUL in a name": ('{"version": 1, "a\\u0000b": 1, "instructions": []}', ":1:"),
    "an address as a MEF": (document({**GOOD, "mef": "127.0.0.1"}), "/instructions/0/mef"),
    "budget too long": (document({**GOOD, "budget": "PT11M"}), "PT10M"),
    "undefined SUID": (document({**GOOD, "suid": 99}), "/instructions/0/suid"),
    "another version": ('{"version": 2, "instructions": [{}]}', "/version"),
    "an anchor in an unsigned list": (document({**GOOD, "trustAnchors": [{"x509": "AA=="}]}),
                                      "/instructions/0/trustAnchors/0"),
}


class Documents(lab.TestCase):
    def setUp(self):
        self.lab = self.site()
        self.device = self.lab.device("dev1")

    def write(self, text):
        path = self.lab.path("bad.json")
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        return path

    def test_lint_names_place_and_remedy(self):
        for name, (text, want) in BAD.items():
            with self.subTest(name):
                path = self.write(text)
                run = lab.run(lab.program("fieldroot"), "lint", path)
                self.assertEqual(run.status, 65, run)
                self.assertIn(want, run.out + run.err)
                self.assertIn(path, run.out + run.err)

    def test_provision_tries_nothing_of_a_malformed_list(self):
        for name, (text, _) in BAD.items():
            with self.subTest(name):
                run = self.device.provision("--instructions", self.write(text))
                self.assertEqual(run.status, 65, run)
                self.assertEqual(run.attempts, [])
                self.assertIn("bad.json", run.out + run.err)

    def test_lint_reports_every_problem_with_line_and_column(self):
        text = ('{"version": 1,\n "instructions": [\n  {"bootstrap": "certificate",\n'
                '   "mef": "bad name",\n   "port": 0}]}')
        run = lab.run(lab.program("fieldroot"), "lint", "--json", self.write(text))
        self.assertEqual(run.status, 65)
        found = [json.loads(line) for line in run.out.splitlines()]
        places = {(f["pointer"], f["line"], f["column"]) for f in found}
        self.assertIn(("/instructions/0/mef", 4, 11), places)
        self.assertIn(("/instructions/0/port", 5, 12), places)

    def test_a_good_document_is_silent(self):
        run = lab.run(lab.program("fieldroot"), "lint", self.write(document(GOOD)))
        self.assertEqual(run.status, 0, run)

    def test_a_missing_file_is_named(self):
        run = self.device.provision("--instructions", "/no/such/file.json")
        self.assertEqual(run.status, 65, run)
        self.assertIn("/no/such/file.json", run.out + run.err)


class Configs(lab.TestCase):
    """Every program's config file: unknown key, wrong type, cut file, unreadable key."""

    def setUp(self):
        self.lab = self.site()
        self.device = self.lab.device("dev1")
        self.lab.ports["fetch"] = 1
        self.target = self.lab.target()
        self.lab.ports.clear()
        self.programs = {
            "fieldroot": (self.device.config,
                          lambda: self.device.fieldroot("status")),
            "fieldrootd": (self.lab.write_config(), lambda: lab.run(
                lab.program("fieldrootd"), "--config", self.lab.path("fieldrootd.conf"),
                "--check")),
            "fieldroot-target": (self.target.config, self.target.sync)}

    def broken(self, change, *words):
        for name, (path, start) in self.programs.items():
            with self.subTest(name):
                with open(path, encoding="utf-8") as f:
                    good = f.read()
                with open(path, "w", encoding="utf-8") as f:
                    f.write(change(good))
                run = start()
                with open(path, "w", encoding="utf-8") as f:
                    f.write(good)
                self.assertEqual(run.status, 65, run)
                for word in (path, *words):
                    self.assertIn(word, run.out + run.err)

    def test_an_unknown_key_is_named_with_the_nearest_known_one(self):
        self.broken(lambda text: 'staet = "x"\n' + text, ":1:", "staet", "state")

    def test_a_wrong_type_is_an_error(self):
        def change(text):
            if "limits {" in text:
                return text.replace("limits {", "limits { idle = many")
            if "port =" in text:
                return text.replace("port = 1", "port = many")
            return "attempts-max = many\n" + text
        self.broken(change, "many")

    def test_a_file_cut_inside_a_section_is_an_error(self):
        self.broken(lambda text: text.rstrip().rsplit("}", 1)[0])

    def test_an_unreadable_key_file_is_named(self):
        for name, key, start in [
                ("fieldroot", self.device.key,
                 lambda: self.device.provision(lab.MEF + ":1")),
                ("fieldrootd", self.lab.mef_cert[1], self.programs["fieldrootd"][1]),
                ("fieldroot-target", self.target.key, self.target.sync)]:
            with self.subTest(name):
                os.rename(key, key + ".away")
                run = start()
                os.rename(key + ".away", key)
                self.assertEqual(run.status, 65, run)
                self.assertIn(key, run.out + run.err)

    def test_a_key_file_that_others_can_read_is_refused(self):
        os.chmod(self.device.key, 0o644)
        run = self.device.provision(lab.MEF + ":1")
        self.assertEqual(run.status, 65, run)
        self.assertIn("chmod 600", run.out + run.err)


class Usage(lab.TestCase):
    def test_wrong_words_end_with_64_and_the_right_ones(self):
        for argv in (["fieldroot"], ["fieldroot", "provison"], ["fieldroot", "provision"],
                     ["fieldroot", "provision", "--bootstrap"],
                     ["fieldroot", "provision", "--bootstrap", "nonsense"],
                     ["fieldrootctl", "enrolle", "list"], ["fieldrootctl", "ca", "nit"],
                     ["fieldroot-target", "--nonsense"], ["fieldrootd", "--nonsense"]):
            with self.subTest(argv=argv):
                run = lab.run(lab.program(argv[0]), *argv[1:])
                self.assertEqual(run.status, 64, run)
                self.assertTrue(run.err.strip())

    def test_the_nearest_command_is_suggested(self):
        run = lab.run(lab.program("fieldroot"), "provison")
        self.assertIn("provision", run.err)


if __name__ == "__main__":
    lab.main()
