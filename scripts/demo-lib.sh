# SPDX-License-Identifier: Apache-2.0
# What demos share: a folder and processes of their own, the servers, a message under a key.
# POSIX sh; sourced with $root set and $1 the demo's argument.
. "$root/scripts/lib.sh"

case ${1:-} in
'') keep= ;;
--keep) keep=yes ;;
*) die "usage: ./demo [gba] [--keep]" ;;
esac

# build TARGET...: with whatever else the demo needs.
build() {
    configure "$root/build"
    [ -f "$root/build/fieldroot" ] || say "Building into build/ ..."
    compile "$root/build" fieldroot fieldrootd fieldrootctl fieldroot-target "$@"
    PATH="$root/build:$PATH"
}

# ---- a folder and processes of our own, which leave with us ----
work=$(mktemp -d "${TMPDIR:-/tmp}/fieldroot-demo-XXXXXX")
chmod 711 "$work"
pids=
clean_up() {
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    for pid in $pids; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$work"

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
if [ ! -t 1 ]; then step() { printf '\n%s\n' "$*"; }; fi

# quietly COMMAND...: shows what it said only if it failed.
quietly() { "$@" >quiet.log 2>&1 || { cat quiet.log >&2; die "$1 failed"; }; }
ctl() { fieldrootctl --socket "$work/run/admin.sock" "$@"; }

# wait_for FILE TEXT: until another program has written TEXT there; 20 s at most.
wait_for() {
    timeout --foreground 20 sh -c 'until grep -qF -- "$2" "$1" 2>/dev/null; do sleep 0.05; done' - "$1" "$2" ||
        { tail -n 20 "$1" >&2; die "waited in vain for \"$2\" in $1"; }
}

# ---- the servers ----

# start_fieldrootd: with fieldrootd.conf; then listener NAME says its port.
start_fieldrootd() {
    mkfifo ready
    fieldrootd --config fieldrootd.conf --ready-fd 3 3>ready 2>fieldrootd.log &
    pids="$pids $!"
    [ "$(timeout --foreground 20 head -c 1 ready | wc -c)" -eq 1 ] && [ -s run/listeners ] ||
        { cat fieldrootd.log >&2; die "fieldrootd did not start"; }
}
listener() { sed -n "s/^$1 .*:\([0-9]*\)\$/\1/p" run/listeners; }

# start_mosquitto: with TLS-PSK at port $mqtt, its keys in broker.psk.
start_mosquitto() {
    : >broker.psk; chmod 600 broker.psk
    for try in 1 2 3 4 5; do
        mqtt=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
        cat >mosquitto.conf <<END
listener $mqtt 127.0.0.1
psk_hint fieldroot
psk_file $work/broker.psk
use_identity_as_username true
pid_file $work/mosquitto.pid
user $(id -un)
log_type all
END
        mosquitto -c mosquitto.conf >mosquitto.log 2>&1 &
        broker=$!
        if timeout --foreground 5 sh -c 'until grep -q running mosquitto.log; do kill -0 '$broker' 2>/dev/null || exit 1; sleep 0.05; done'
        then pids="$pids $broker"; return; fi
        [ "$try" -lt 5 ] || { cat mosquitto.log >&2; die "Mosquitto did not start"; }
    done
}

# start_target: fieldroot-target feeds the broker from now on.
start_target() {
    cat >fieldroot-target.conf <<END
fqdn = "broker.example.com"
mef { fqdn = "mef.example.com"  port = $(listener fetch)  address = "127.0.0.1" }
certificate = "broker.pem"
key = "broker.key"
trust-anchors = "operator/ca.pem"
state = "$work/broker-state"
psk-file = "$work/broker.psk"
pid-file = "$work/mosquitto.pid"
END
    fieldroot-target --config fieldroot-target.conf --watch >target.log 2>&1 &
    pids="$pids $!"
}

# ---- both ends of a key ----

# member NAME: of the JSON on standard input, or of the first object of its array.
member() {
    python3 -c 'import json,sys; j=json.load(sys.stdin); print((j[0] if isinstance(j, list) else j)[sys.argv[1]])' "$1"
}

# compare_ends: of the device's newest key, $keid from now on.
compare_ends() {
    keid=$(fieldroot credential show --config fieldroot.conf --json | member keyId)
    device_print=$(fieldroot credential show --config fieldroot.conf --json | member fingerprint)
    mef_print=$(ctl --json credential show "$keid" | member fingerprint)
    say "   KeID   $keid" "   device $device_print" "   MEF    $mef_print"
    [ "$device_print" = "$mef_print" ] || die "the two ends hold different keys"
}

# deliver MESSAGE: the device says it under $keid, and a subscriber gets it.
deliver() {
    wait_for broker.psk "$keid"
    # A client that comes before the broker has read the file again is turned away.
    wait_for mosquitto.log "Reloading config."
    # Keys reach the stock clients by files, not by argv, which `ps` shows.
    mkdir -m 700 client
    ( umask 077
      fieldroot credential export --config fieldroot.conf --format mosquitto \
          --out client/mosquitto_pub "$keid" >/dev/null
      cp client/mosquitto_pub client/mosquitto_sub )
    XDG_CONFIG_HOME=$work/client mosquitto_sub -h 127.0.0.1 -p "$mqtt" -t meters/7 -C 1 -W 20 \
        >subscriber.log 2>&1 &
    subscriber=$!
    wait_for mosquitto.log "Sending SUBACK"
    XDG_CONFIG_HOME=$work/client mosquitto_pub -h 127.0.0.1 -p "$mqtt" -t meters/7 -q 1 -m "$1"
    wait "$subscriber"
    say "   the subscriber got: $(cat subscriber.log)"
}

# finish COMMAND...: with --keep, says what to try and waits for Ctrl-C.
finish() {
    [ -n "$keep" ] || return 0
    step "It keeps running in $work. In another terminal, for example:"
    say "   cd $work && PATH=$root/build:\$PATH"
    printf '   %s\n' "$@"
    say "Ctrl-C ends it and removes everything."
    wait
}
