#!/bin/sh
# Install Patrol Edge from this folder, without a network:  sudo sh install.sh [--extras] [--key FILE]
#
#   --extras     CAN bus, GPIO lines and MAVLink autopilots, too
#   --key FILE   the kit must be signed with this key (PEM, public)
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
kit=$(cd "$(dirname "$0")" && pwd)
packages=patrol-edge
key=

fail() { printf 'error: %s\n  → %s\n' "$1" "$2" >&2; exit 1; }
step() { printf '== %s\n' "$1"; }

while [ $# -gt 0 ]; do
    case $1 in
    --extras) packages="$packages patrol-edge-extras" ;;
    --key) [ $# -gt 1 ] || fail "--key needs a file" "sh install.sh --key kit.pub"; key=$2; shift ;;
    *) fail "unknown: $1" "sudo sh install.sh [--extras] [--key FILE]" ;;
    esac
    shift
done

[ "$(id -u)" = 0 ] || fail "only root may install" "sudo sh $0"
command -v apt-get >/dev/null || fail "this is no Debian" "use Debian 12 (bookworm)"
arch=$(dpkg --print-architecture)
[ -d "$kit/$arch" ] || fail "the kit holds nothing for $arch" "take a kit that was made for $arch"
system=$(. /etc/os-release && echo "$ID $VERSION_ID")
[ "$system" = "debian 12" ] || [ "$system" = "raspbian 12" ] ||
    fail "this is ${system}, the kit is for Debian 12" "install Debian 12 (bookworm)"
free_mib=$(df -Pm /opt 2>/dev/null | awk 'NR == 2 { print $4 }')
[ "${free_mib:-9999}" -ge 1500 ] || fail "/opt has $free_mib MiB free, 1500 are needed" "make room: df -h"

step "is everything as it was made?"
if [ -n "$key" ]; then
    command -v openssl >/dev/null || fail "openssl is not there to check the signature" "check it on another machine"
    openssl pkeyutl -verify -rawin -pubin -inkey "$key" -in "$kit/SHA256SUMS" -sigfile "$kit/SHA256SUMS.sig" >/dev/null 2>&1 ||
        fail "the kit is not signed with this key" "do not install it; ask whoever gave it to you"
fi
(cd "$kit" && sha256sum --quiet --strict -c SHA256SUMS) ||
    fail "files are damaged or missing (named above)" "copy the kit onto the stick again"

step "installing $packages for $arch"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial"
ln -s "$kit/$arch" "$work/kit" # a stick's name may have spaces in it
echo "deb [trusted=yes] file:$work/kit ./" >"$work/list"
asked() { # nothing but the kit is asked, and nothing of it stays in apt's memory
    apt-get -qq -o Dir::Etc::sourcelist="$work/list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        -o APT::Sandbox::User=root -o Acquire::Languages=none "$@"
}
asked update
# shellcheck disable=SC2086
asked -y --no-install-recommends install $packages chrony libportaudio2 >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    fail "apt could not install it" "dpkg --configure -a, then the same command again"
}
grep '^patrol-edge:' "$work/log" || true

step "done: $(patrol-edge --version)"
[ -e /etc/patrol-edge/unit.yaml ] || echo "next: sudo patrol-edge provision"
