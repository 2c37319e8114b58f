#!/usr/bin/env bash
# Signs a file in place with osslsigncode: cmake --preset win64 -DVREP_SIGN="$PWD/installer/sign.sh". From the environment:
#
#   VREP_SIGN_PKCS12     the certificate with its key (.p12, .pfx)
#   VREP_SIGN_PASSWORD   a file with its password
#   VREP_SIGN_TIMESTAMP  URL of an RFC 3161 time-stamp service; without it a signature ends with its certificate
#
# PowerShell's files need osslsigncode 2.6 or later; where it is older they stay unsigned, which is said.
set -euo pipefail
file=${1:?a file to sign}
case $file in
    *.ps1 | *.psm1 | *.psd1 | *.ps1xml)
        version=$(osslsigncode --version | sed -nE '1s/^osslsigncode ([0-9.]+).*/\1/p')
        if [ "$(printf '2.6\n%s\n' "$version" | sort -V | head -n 1)" != 2.6 ]; then
            echo "osslsigncode $version cannot sign $(basename "$file"), it stays unsigned" >&2
            exit 0
        fi
        ;;
esac
options=(-pkcs12 "${VREP_SIGN_PKCS12:?}" -readpass "${VREP_SIGN_PASSWORD:?}" -h sha256 -n VRep)
[ -z "${VREP_SIGN_TIMESTAMP:-}" ] || options+=(-ts "$VREP_SIGN_TIMESTAMP")
osslsigncode sign "${options[@]}" -in "$file" -out "$file.signed" >/dev/null
mv "$file.signed" "$file"
