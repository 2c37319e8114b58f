# What a fresh Debian 12 needs before it can build, run or test VRep. Sourced by scripts/test and scripts/demo:
#
#   setup_system                  ends with a message on any other system
#   setup_packages build run ...  installs what is missing of these sets; does nothing when all is there
#   setup_preset PRESET           configures and builds a preset quietly; shows the end of the log if that fails
# shellcheck shell=bash disable=SC2034 # the sets are named by setup_packages' caller

setup_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
setup_jobs=${VREP_JOBS:-$(nproc)}

# To cross-build for Windows and to build natively.
packages_build=(
    build-essential cmake ninja-build pkg-config git ca-certificates
    gcc-mingw-w64-x86-64-posix libz-mingw-w64-dev
    zlib1g-dev libjansson-dev libcmocka-dev libxxhash-dev libexpat1-dev python3
    mono-mcs libmono-system-runtime-serialization4.0-cil
    wixl msitools
)
# To run the Windows build here, to make disks, and to read them with programs that are not VRep's.
packages_run=(
    wine wine64 qemu-utils p7zip-full e2fsprogs rsync procps
)
# To test: the second compiler with its sanitizers, the format check and the analyser, other readers of disks and of
# resources, what checks the manual pages and the Linux packages, and what signs the Windows one.
packages_test=(
    clang llvm libclang-rt-14-dev clang-format clang-tidy python3-libvhdi icoutils mandoc osslsigncode openssl
    file lintian systemd debootstrap
)

setup_fail() {
    echo "$*" >&2
    exit 1
}

setup_system() {
    local id='' version='' architecture
    if [ -r /etc/os-release ]; then
        id=$(. /etc/os-release && echo "${ID:-}")
        version=$(. /etc/os-release && echo "${VERSION_ID:-}")
    fi
    architecture=$(uname -m)
    if [ "$id $version $architecture" = "debian 12 x86_64" ] || [ -n "${VREP_ANY_SYSTEM:-}" ]; then
        return
    fi
    setup_fail "This needs Debian 12 on amd64; here is ${id:-an unknown system} $version on $architecture." \
        "A container or chroot of Debian 12 will do. VREP_ANY_SYSTEM=1 goes on regardless."
}

setup_packages() { # SET...
    local set package missing=() root=()
    for set in "$@"; do
        local -n packages=packages_$set
        for package in "${packages[@]}"; do
            [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
                missing+=("$package")
        done
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || setup_fail "Run this as root, or install sudo, or install them yourself."
        root=(sudo)
    fi
    root+=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600)
    mkdir -p "$setup_top/build"
    local log=$setup_top/build/packages.log
    if ! { "${root[@]}" update && "${root[@]}" install -y --no-install-recommends "${missing[@]}"; } \
        >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        setup_fail "The packages could not be installed, see $log"
    fi
}

setup_preset() { # PRESET [TARGET...]
    local preset=$1 log=$setup_top/build/$1.log targets=()
    shift
    [ $# -eq 0 ] || targets=(--target "$@")
    mkdir -p "$setup_top/build"
    if ! (cd "$setup_top" && cmake --preset "$preset" &&
        cmake --build --preset "$preset" -j "$setup_jobs" "${targets[@]}") >"$log" 2>&1 </dev/null; then
        grep -E -A 5 'error|FAILED|CMake Error' "$log" | head -n 40 >&2 || true
        echo "The preset $preset does not build, see $log" >&2
        return 1
    fi
}
