# The demo's disks: a real ext4 file system with files, and what a day of work does to it. Sourced:
#
#   demo_disks_make FOLDER   makes FOLDER/primary.vhdx and FOLDER/replica.vhdx; the replica is yesterday's copy
#   demo_disks_copy FOLDER PRIMARY REPLICA   the same names for copies of somebody's own disks
#
# Nothing here needs root: mke2fs fills an image from a folder, debugfs changes it.
# shellcheck shell=bash disable=SC2154 # what scripts/demo sets

demo_disk_size=256M
demo_films=8                     # incompressible, as films are
demo_film_bytes=$((24 * 1024 * 1024))
demo_scene_bytes=$((10 * 1024 * 1024))

random_file() { head -c "$2" /dev/urandom >"$1"; } # FILE BYTES

demo_disks_make() { # FOLDER
    local folder=$1 tree=$1/files image=$1/disk.raw number
    mkdir -p "$tree/films" "$tree/documents"
    cp -r "$setup_top"/{base,vhd,service,etw,docs} "$tree/documents/"
    for number in $(seq "$demo_films"); do
        random_file "$tree/films/$number.mp4" "$demo_film_bytes"
    done
    truncate -s "$demo_disk_size" "$image"
    PATH=$PATH:/usr/sbin:/sbin mke2fs -q -t ext4 -d "$tree" "$image"
    qemu-img convert -O vhdx -o subformat=dynamic "$image" "$folder/replica.vhdx"

    # debugfs takes the room of a removed file for the next one, so what differs is spread over the disk.
    {
        for number in $(seq 2 2 "$demo_films"); do
            random_file "$tree/scene" "$demo_scene_bytes"
            dd if="$tree/scene" of="$tree/films/$number.mp4" bs=1M seek=5 conv=notrunc status=none
            echo "rm films/$number.mp4"
            echo "write $tree/films/$number.mp4 films/$number.mp4"
        done
        for number in $(seq 300); do
            random_file "$tree/note-$number" $((number * 37))
            echo "write $tree/note-$number documents/note-$number.txt"
        done
    } >"$folder/today"
    PATH=$PATH:/usr/sbin:/sbin debugfs -w -f "$folder/today" "$image" >/dev/null 2>"$folder/debugfs.log" ||
        setup_fail "debugfs could not change the file system, see $folder/debugfs.log"
    qemu-img convert -O vhdx -o subformat=dynamic "$image" "$folder/primary.vhdx"
    rm -rf "$tree" "$image" "$folder/today"
}

demo_disks_copy() { # FOLDER PRIMARY REPLICA
    cp --reflink=auto --sparse=always -- "$2" "$1/primary.${2##*.}"
    cp --reflink=auto --sparse=always -- "$3" "$1/replica.${3##*.}"
}
