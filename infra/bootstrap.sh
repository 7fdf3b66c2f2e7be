#!/bin/sh
# Make the virtual environment, and see that Java and Maven are there: `bootstrap.sh VENV`.
# What is missing is installed when root runs this on Debian, and named in one line elsewhere.
set -eu
venv=$1

fail() {
    echo "tonnage: $1" >&2
    exit 1
}

# need WHAT PACKAGES: install Debian packages, or say what lacks
need() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        fail "$1 is missing. Install it (Debian: sudo apt-get install $2) and run this again."
    fi
    echo "Installing $2 ($1 is missing)"
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    # shellcheck disable=SC2086 - several packages
    { apt-get update && apt-get install -y --no-install-recommends $2; } >"$log" 2>&1 </dev/null ||
        { tail -n 5 "$log" >&2; fail "apt-get could not install $2: see the lines above."; }
    rm -f "$log"
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if is_new_enough "$name"; then
            echo "$name"
            return
        fi
    done
}

java_version() {
    "${JAVA_HOME:+$JAVA_HOME/bin/}java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p'
}

python=$(find_python)
if [ -z "$python" ]; then
    if command -v "${PYTHON:-python3}" >/dev/null; then
        fail "Python 3.11 or later is needed, but ${PYTHON:-python3} is $("${PYTHON:-python3}" -V 2>&1). Install one, or name it: make PYTHON=python3.12"
    fi
    need "Python 3.11 or later" "python3 python3-venv"
    python=$(find_python)
    [ -n "$python" ] || fail "Python 3.11 or later is needed; this system's python3 is older."
fi
"$python" -c 'import ensurepip, venv' 2>/dev/null || need "Python's venv module" "python3-venv"

version=$(java_version || true)
[ -n "$version" ] || need "Java 17 or later" "default-jre-headless"
version=$(java_version || true)
[ "${version:-0}" -ge 17 ] || fail "Java 17 or later is needed, but this is Java ${version:-?}. Install it (Debian: openjdk-17-jre-headless) or set JAVA_HOME."
command -v mvn >/dev/null || need "Maven" "maven"

if [ -x "$venv/bin/python" ] && is_new_enough "$venv/bin/python"; then
    exit 0
fi
"$python" -m venv --clear "$venv"
