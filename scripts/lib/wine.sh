# Wine for the demo and the tests. Sourced:
#
#   wine_environment PREFIX   what every Wine process must see (PREFIX absolute)
#   wine_up                   makes the prefix if it is new; its server then stays until wine_down
#   wine_down                 ends the server and everything that runs in the prefix, as a power cut would
# shellcheck shell=bash

wine_environment() { # PREFIX
    export WINEPREFIX=$1 WINEARCH=win64 WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml,winedbg.exe='
    export LC_ALL=C.UTF-8 # the encoding of file names
}

# Every first process gets /dev/null: services.exe keeps the stderr of the first one, and a pipe there would make
# its reader wait for ever. With the server kept up a program starts in 40 ms instead of a second or two.
wine_up() {
    mkdir -p "$WINEPREFIX"
    if [ ! -e "$WINEPREFIX/complete" ]; then
        wineboot -i </dev/null >/dev/null 2>&1
        # The first server must end: as long as it lives, a new prefix has two service managers, and a service that one of
        # them installs is unknown to the other.
        timeout 60 wineserver -w </dev/null >/dev/null 2>&1
        touch "$WINEPREFIX/complete"
    fi
    wineserver -p </dev/null >/dev/null 2>&1 || [ $? -eq 2 ] # 2: one is running already
    wine cmd /c exit </dev/null >/dev/null 2>&1
}

wine_down() {
    wineserver -k </dev/null >/dev/null 2>&1 || true # nothing ran
}
