#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# exports.sh LIBRARY HEADER: the library exports exactly what the header declares.
set -eu
exported=$(nm -D --defined-only "$1" | awk '$2 == "T" { print $3 }' | sort)
declared=$(tr '\n' ' ' < "$2" | sed 's/FR_API/\nFR_API/g' |
    sed -n 's/^FR_API [^(]*[ *]\(fr_[a-z_]*\)(.*/\1/p' | sort)
if [ "$exported" != "$declared" ]; then
    echo "exported but not declared, or declared but not exported:"
    printf '%s\n%s\n' "$exported" "$declared" | sort | uniq -u
    exit 1
fi
