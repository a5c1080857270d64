# SPDX-License-Identifier: Apache-2.0
# Shared by demo, check and the scripts beside this file. POSIX sh; sourced, with $root
# set to the project's folder.

say() { printf '%s\n' "$@"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Runs a command as root: directly, or through sudo; fails if neither is there.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"
    elif command -v sudo >/dev/null 2>&1; then sudo -- "$@"
    else return 127
    fi
}

# configure DIR [meson options...]: once; says what to do about a foreign build folder.
configure() {
    dir=$1; shift
    if [ -e "$dir" ] && [ ! -w "$dir" ]; then
        die "$dir belongs to $(stat -c %U "$dir"): remove it, or run as that user"
    fi
    [ -f "$dir/build.ninja" ] && return 0
    mkdir -p "$dir"
    meson setup "$@" "$dir" "$root" >"$dir/configure.log" 2>&1 ||
        { tail -n 20 "$dir/configure.log" >&2; die "configuring $dir failed"; }
}

# compile DIR [targets...]: quiet unless it fails.
compile() {
    dir=$1; shift
    ninja -C "$dir" "$@" >"$dir/compile.log" 2>&1 ||
        { grep -E 'error|FAILED|undefined' "$dir/compile.log" | head -n 40 >&2
          die "compiling failed: $dir/compile.log has all of it"; }
}
