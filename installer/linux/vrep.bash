# bash completion for vrepctl, vrepdisk and vrepsvc. Verbs and options are read from the program's --help, names of
# relationships from the service.
# shellcheck shell=bash

# The verbs, a line each: "status", "server set".
_vrep_verbs() { # PROGRAM
    "$1" --help 2>/dev/null | sed -nE "s/^  ${1##*/} ([a-z-]+( [a-z]+)*)(  .*| [^a-z ].*)?\$/\1/p"
}

# The options after these words, a line each with what a value is: "--json", "--disk PATH...", "--backend native|virtdisk".
_vrep_options() { # PROGRAM [VERB...]
    { "$1" --help | grep -E '^  --'; [ $# -eq 1 ] || "$@" --help; } 2>/dev/null |
        grep -oE -- '--[a-z][a-z-]*( [A-Z][^] ]*| [a-z]+(\|[a-z]+)+)?' | sort -u
}

_vrep_names() { # PROGRAM [--instance NAME]
    "$@" status --json 2>/dev/null | sed -nE 's/^ *"VMName": "(.*)",?$/\1/p' | sed -E 's/\\(["\\])/\1/g'
}

_vrep_offer_files() {
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_vrep_offer_names() { # START PROGRAM [--instance NAME]
    local name start=${1#[\"\']}
    shift
    compopt -o filenames # bash quotes what has a space
    while IFS= read -r name; do
        [[ $name != "${start//\\/}"* ]] || COMPREPLY+=("$name")
    done < <(_vrep_names "$@")
}

# What may stand for the value VALUE of an option.
_vrep_offer_value() { # VALUE START PROGRAM [--instance NAME]
    case $1 in
        PATH* | DIR | FILE) _vrep_offer_files "$2" ;;
        NAME) [ "$option" != --relationship ] || _vrep_offer_names "${@:2}" ;;
        [a-z]*) mapfile -t COMPREPLY < <(compgen -W "${1//|/ }" -- "$2") ;;
    esac
}

_vrep() {
    local program=$1 start=$2 option=$3 word value at verbs verb=() instance=() named=
    COMPREPLY=()
    verbs=$(_vrep_verbs "$program")
    for ((at = 1; at < COMP_CWORD; at++)); do
        word=${COMP_WORDS[at]}
        if [ "$word" = --instance ]; then
            instance=(--instance "${COMP_WORDS[++at]}")
        elif grep -qE -- "^${verb[*]:+${verb[*]} }$word( |\$)" <<<"$verbs"; then
            verb+=("$word")
        elif [[ $word != -* ]]; then
            named=1
        fi
    done

    value=$(_vrep_options "$program" "${verb[@]}" | sed -nE "s/^$option //p")
    if [ -n "$value" ]; then
        _vrep_offer_value "$value" "$start" "$program" "${instance[@]}"
        return
    fi
    local words
    words=$(grep -E "^${verb[*]:+${verb[*]} }[a-z-]+" <<<"$verbs" | cut -d ' ' -f $((${#verb[@]} + 1)))
    if [[ $start == -* ]]; then
        words+=" $(_vrep_options "$program" "${verb[@]}" | cut -d ' ' -f 1)"
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$start" | sort -u)
    [ ${#verb[@]} -gt 0 ] && [[ $start != -* ]] && [ ${#COMPREPLY[@]} -eq 0 ] || return 0
    case ${program##*/} in
        vrepdisk) _vrep_offer_files "$start" ;;
        vrepctl)
            [ -n "$named" ] || ! "$program" "${verb[@]}" --help 2>/dev/null | head -n 1 | grep -qw NAME ||
                _vrep_offer_names "$start" "$program" "${instance[@]}"
            ;;
    esac
}

complete -F _vrep vrepctl vrepdisk vrepsvc
