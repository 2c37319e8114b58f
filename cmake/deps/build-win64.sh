#!/usr/bin/env bash
# Builds the libraries of deps.lock for Windows into DEST (CMake calls it at each configure; it returns at once
# when they are there). The sources come from Debian, through a private apt tree beside DEST: nothing of the
# machine's own apt configuration is changed, and root is not needed.
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: build-win64.sh DEST" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dest=$1
work=$(dirname "$dest")
lock=$here/deps.lock
stamp=$dest/built-from

die() { echo "win64 libraries: $*" >&2; exit 1; }

# What decides the result: this script, the lock file, the toolchain.
recipe() { cat "$here"/* "$here/../toolchain-win64.cmake"; }

# The address of the Debian archive that this machine uses, from its own apt configuration.
archive_uri() {
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(CREATED_BY) $(RELEASE) $(COMPONENT) $(REPO_URI)' 2>/dev/null |
        awk '$1 == "Packages" && $3 == "main" && $2 ~ /^(bookworm|stable|oldstable)$/ { print $4; exit }'
}

# One tree a suite: with two suites in one tree apt would take the newer version from either.
apt_tree() { # SUITE
    local suite=$1 tree=$work/apt/$1 uri keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    uri=$(archive_uri)
    [ -n "$uri" ] || die "no Debian archive of bookworm found in this machine's apt sources (apt-get indextargets);" \
        "add one with component main, the source packages are taken from the same place"
    mkdir -p "$tree"/{lists/partial,cache/archives/partial,sources.list.d}
    cat >"$tree/sources.list.d/debian.sources" <<SOURCES
Types: deb-src
URIs: $uri
Suites: $suite
Components: main
Signed-By: $keyring
SOURCES
    cat >"$tree/apt.conf" <<CONF
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$tree/sources.list.d";
Dir::State "$tree";
Dir::State::lists "$tree/lists";
Dir::State::status "/dev/null";
Dir::Cache "$tree/cache";
APT::Sandbox::User "";
CONF
    APT_CONFIG=$tree/apt.conf apt-get update -qq || die "apt-get update of the private source tree failed ($uri $suite)"
}

fetch() { # PACKAGE SUITE SERIES TESTED SHA256: leaves the sources in $work/src/PACKAGE
    local package=$1 suite=$2 series=$3 tested=$4 sha=$5 tree=$work/apt/$2 version file found
    [ -e "$tree/updated" ] || { apt_tree "$suite"; touch "$tree/updated"; }
    version=$(APT_CONFIG=$tree/apt.conf apt-cache showsrc --only-source "$package" |
        awk '$1 == "Version:" { print $2 }' | sort -V | tail -n 1)
    case $version in
        "$series" | "$series"[.+~-]*) ;;
        '') die "$suite has no source package $package" ;;
        *) die "$suite has $package $version, the series $series is wanted: see $lock" ;;
    esac
    rm -rf "$work/src/$package"
    mkdir -p "$work/src/$package/tar" "$work/src/$package/tree"
    (cd "$work/src/$package/tar" &&
        APT_CONFIG=$tree/apt.conf apt-get source -qq --download-only --tar-only "$package=$version") ||
        die "download of $package $version failed"
    file=$(find "$work/src/$package/tar" -name '*.orig.tar.*' ! -name '*.asc')
    [ -f "$file" ] || die "$package $version came without its upstream tar file"
    found=$(sha256sum "$file" | cut -d ' ' -f 1)
    if [ "$version $found" != "$tested $sha" ]; then
        echo "warning: $package $version ($found) is not what was tested last ($tested); see $lock" >&2
    fi
    tar -xf "$file" -C "$work/src/$package/tree" --strip-components 1
}

build() { # PACKAGE OPTION...
    local package=$1 log=$work/src/$1/build.log
    shift
    echo "win64 libraries: building $package"
    {
        cmake -S "$work/src/$package/tree" -B "$work/src/$package/build" -G Ninja \
            -DCMAKE_TOOLCHAIN_FILE="$here/../toolchain-win64.cmake" -DCMAKE_BUILD_TYPE=Release \
            -DCMAKE_POLICY_DEFAULT_CMP0074=NEW -DCMAKE_INSTALL_PREFIX="$dest.new" "$@" &&
            cmake --build "$work/src/$package/build" -j 2 &&
            cmake --install "$work/src/$package/build"
    } >"$log" 2>&1 || { tail -n 20 "$log" >&2; die "$package does not build, see $log"; }
}

mkdir -p "$work"
exec 9>"$work/lock"
flock 9 # two presets may configure at the same time
if [ -e "$stamp" ] && [ "$(recipe | sha256sum)" = "$(cat "$stamp")" ]; then
    exit 0
fi

rm -rf "$dest.new" "$work/apt"
mkdir -p "$dest.new/include" "$dest.new/lib"
while read -r package suite series tested sha; do
    case $package in '' | '#'*) continue ;; esac
    fetch "$package" "$suite" "$series" "$tested" "$sha"
    case $package in
        jansson)
            build jansson -DJANSSON_BUILD_DOCS=OFF -DJANSSON_EXAMPLES=OFF -DJANSSON_WITHOUT_TESTS=ON \
                -DJANSSON_BUILD_SHARED_LIBS=OFF
            ;;
        cmocka)
            build cmocka -DBUILD_SHARED_LIBS=OFF -DWITH_STATIC_LIB=ON -DWITH_EXAMPLES=OFF -DUNIT_TESTING=OFF
            # Its install step forgets the static library.
            find "$work/src/cmocka/build" -name libcmocka-static.a -exec cp {} "$dest.new/lib/" \;
            # MinGW's plain printf attribute means Microsoft's and refuses %zu, which the library does print.
            sed -i 's/__format__ (__printf__,/__format__ (__gnu_printf__,/' "$dest.new/include/cmocka.h"
            ;;
        *) die "no recipe for $package of $lock" ;;
    esac
done <"$lock"

# Only this header: the rest of /usr/include belongs to glibc and must not be seen by the cross compiler.
cp /usr/include/xxhash.h "$dest.new/include/" || die "xxhash.h is missing: apt-get install libxxhash-dev"

# cmocka makes a DLL whatever it is told; with it gone nothing can link to it by mistake.
rm -rf "$dest.new/bin" "$dest.new"/lib/*.dll.a "$dest"
mv "$dest.new" "$dest"
recipe | sha256sum >"$stamp"
