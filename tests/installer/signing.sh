#!/usr/bin/env bash
# vrep-test: timeout=120 labels=lint presets=win64
# The signing hook, with a certificate of its own: every program, library and script of the package is signed, and the package.
set -euo pipefail
command -v osslsigncode >/dev/null || { echo "osslsigncode is not here"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out certificate.pem -days 2 -subj "/CN=VRep test" \
    -addext extendedKeyUsage=codeSigning 2>/dev/null
printf secret >password
openssl pkcs12 -export -inkey key.pem -in certificate.pem -out certificate.p12 -passout file:password
export VREP_SIGN_PKCS12=$folder/certificate.p12 VREP_SIGN_PASSWORD=$folder/password
version=$(basename "$(ls "$VREP_BIN"/../VRep-*-x64.msi)" | sed -E 's/VRep-(.*)-x64.msi/\1/')
python3 -B "$VREP_SOURCE_DIR/installer/make_msi.py" --version "$version" --bin "$VREP_BIN" --docs "$VREP_SOURCE_DIR/docs" \
    --work work --output VRep.msi --sign "$VREP_SOURCE_DIR/installer/sign.sh"

verify() { osslsigncode verify -CAfile certificate.pem -in "$1" >verified 2>&1 || { echo "$1 is not signed"; cat verified; exit 1; }; }
verify VRep.msi
count=0
while IFS= read -r file; do
    verify "$file"
    count=$((count + 1))
done < <(find work/stage -name '*.exe' -o -name '*.dll')
[ "$count" -ge 8 ] || { echo "only $count programs and libraries"; exit 1; }
echo "VRep.msi and $count files in it are signed"
