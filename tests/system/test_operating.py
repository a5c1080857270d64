# SPDX-License-Identifier: Apache-2.0
"""docs/operating.md does what it says: its blocks marked `tried` are run in order, with the
system's folders in a temporary one, and functions in the place of a service manager."""
import os
import re
import subprocess

import lab

BLOCK = re.compile(r"^```sh tried\n(.*?)^```$", re.M | re.S)
FOLDERS = {"/etc/fieldroot": "etc", "/var/lib/fieldrootd": "state", "/root/safe": "safe",
           "/srv/backup": "backup"}

PRELUDE = r"""set -eu
fieldrootctl() {
    case "$1 ${2-}" in
    "store backup"*|"store restore"*) "$BUILD/fieldrootctl" "$@" --config "$W/etc/fieldrootd.conf" ;;
    "store copy"*|"ca "*) "$BUILD/fieldrootctl" "$@" ;;
    *) "$BUILD/fieldrootctl" --socket "$W/run/admin.sock" "$@" ;;
    esac
}
fieldrootd() { "$BUILD/fieldrootd" "$@"; }
systemctl() {
    case $1 in
    start)
        rm -f "$W/ready"; mkfifo "$W/ready"
        "$BUILD/fieldrootd" --config "$W/etc/fieldrootd.conf" --ready-fd 3 3>"$W/ready" \
            >>"$W/log" 2>&1 &
        pid=$!
        [ "$(head -c 1 "$W/ready")" = r ] || { cat "$W/log" >&2; exit 1; } ;;
    stop) kill "$pid"; wait "$pid"; pid= ;;
    esac
}
pid=
trap '[ -z "$pid" ] || kill "$pid"' EXIT
"""


def script(folder):
    with open(os.path.join(lab.ROOT, "docs", "operating.md"), encoding="utf-8") as f:
        blocks = BLOCK.findall(f.read())
    text = "\n".join(blocks)
    for path, name in FOLDERS.items():
        text = text.replace(path, os.path.join(folder, name))
    # where the test differs: its own run folder, ports that are free, no user of its own
    text = text.replace('user = "fieldrootd"\n',
                        f'state = "{folder}/state"\nrun-dir = "{folder}/run"\n')
    text = re.sub(r'(vault|signer)-user = .*\n', "", text)
    text = text.replace("mef {", 'mef {\n    listen = "127.0.0.1:0"\n'
                                 '    fetch-listen = "127.0.0.1:0"')
    text = text.replace("gba-bsf {", 'gba-bsf {\n    listen = "127.0.0.1:0"')
    return len(blocks), PRELUDE + text


class Operating(lab.TestCase):
    def test_the_blocks_that_are_marked_work_in_order(self):
        folder, pg = self.site().folder, self.postgres()
        for name in ("etc", "state"):
            os.mkdir(os.path.join(folder, name), 0o700)
        service = os.path.join(folder, "pg_service.conf")
        with open(service, "w", encoding="utf-8") as f:
            f.write("[fieldroot]\n" + pg.conninfo().replace(" ", "\n") + "\n")
        count, text = script(folder)
        self.assertGreaterEqual(count, 8)
        done = subprocess.run(
            ["sh", "-x"], input=text, capture_output=True, text=True, cwd=folder, check=False,
            timeout=lab.LIMIT, env={**os.environ, "W": folder, "BUILD": lab.BUILD,
                                    "PGSERVICEFILE": service})
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        self.assertIn("intact", done.stdout)
        self.assertRegex(done.stdout, r"store +postgres")
        self.assertEqual(sorted(os.listdir(os.path.join(folder, "backup"))),
                         ["after-rekey.db", "monday.db", "postgres.db"])


if __name__ == "__main__":
    lab.main()
