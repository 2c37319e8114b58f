# The demo's disks: a real ext4 file system with files, and what a day of work does to it. Sourced:
#
#   demo_disks_make FOLDER   makes FOLDER/primary.vhdx and FOLDER/replica.vhdx; the replica is yesterday's copy
#   demo_disks_copy FOLDER PRIMARY REPLICA   the same names for copies of somebody's own disks
#   demo_proof FOLDER PRIMARY REPLICA        shows that two disks read the same, with qemu-img and 7-Zip
#
# Nothing here needs root: mke2fs fills an image from a folder, debugfs changes it.
# shellcheck shell=bash disable=SC2154 # what scripts/demo sets

demo_disk_size=1G
demo_media_files=10    # of 24 MiB each, incompressible, as photos and films are
demo_media_bytes=$((24 * 1024 * 1024))

random_file() { head -c "$2" /dev/urandom >"$1"; } # FILE BYTES

demo_disks_make() { # FOLDER
    local folder=$1 tree=$1/files image=$1/disk.raw number
    mkdir -p "$tree/media" "$tree/documents"
    cp -r "$setup_top"/{base,vhd,service,etw,docs} "$tree/documents/"
    for number in $(seq "$demo_media_files"); do
        random_file "$tree/media/film-$number.mp4" "$demo_media_bytes"
    done
    truncate -s "$demo_disk_size" "$image"
    PATH=$PATH:/usr/sbin:/sbin mke2fs -q -t ext4 -d "$tree" "$image"
    qemu-img convert -O vhdx -o subformat=dynamic "$image" "$folder/replica.vhdx"

    random_file "$tree/new.mp4" $((demo_media_bytes / 2))
    {
        echo "cd media"
        echo "rm film-3.mp4"
        echo "write $tree/new.mp4 holiday.mp4"
        for number in $(seq 300); do
            random_file "$tree/note-$number" $((number * 37))
            echo "write $tree/note-$number note-$number.txt"
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
