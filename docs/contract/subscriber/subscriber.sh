#!/usr/bin/env bash
# A hub in shell: hears all units, drops repeats, keeps each message on disk, then acknowledges it.
# Needs mosquitto_sub, mosquitto_pub and jq.     subscriber.sh [HOST [PORT [FILE]]]
set -euo pipefail
host=${1:-localhost} port=${2:-1883} file=${3:-heard.jsonl} root=patrol/v1
broker=(-h "$host" -p "$port" -q 1 -V mqttv5)

uuid7() {
    local r
    r=$(od -An -N10 -tx1 /dev/urandom | tr -d ' \n')
    printf '%012x%s' "$(date +%s%3N)" "7${r:0:3}8${r:3:15}" |
        sed -E 's/(.{8})(.{4})(.{4})(.{4})(.{12}).*/\1-\2-\3-\4-\5/'
}
state() { # online or offline
    printf '{"state":"%s","hub":"hub-sh","session":"%s","time":"%s"}' \
        "$1" "$session" "$(date -u +%FT%T.%3NZ)"
}
say() { mosquitto_pub "${broker[@]}" "$@"; }
trap 'kill 0' EXIT # and the broker publishes the will

topics=()
for leaf in status state position health event reply; do topics+=(-t "$root/+/$leaf"); done

# One connection after the other. Each has a session of its own, which tells units to send again what
# no hub has acknowledged; so mosquitto_sub (-d says what it does) must not reconnect by itself.
connections() {
    while true; do
        session=$(uuid7) connects=0
        exec 3< <(exec stdbuf -oL mosquitto_sub "${broker[@]}" "${topics[@]}" -d -F %j \
            --will-topic "$root/hub/state" --will-retain --will-payload "$(state offline)")
        pid=$!
        trap 'kill -9 "$pid" 2>/dev/null' EXIT # without a connection it heeds no SIGTERM
        while IFS= read -r line; do
            case $line in
            '{'*) printf '%s\n' "$line" ;;
            *' sending CONNECT') ((++connects == 1)) || break ;;
            *' received SUBACK') say -r -t "$root/hub/state" -m "$(state online)" || break ;;
            esac
        done <&3
        kill -9 "$pid" 2>/dev/null || true
        sleep 1
    done
}

# What was kept before is known: units repeat what they have no acknowledgement of. The id belongs
# to the key: a unit that has lost its disk numbers anew.
touch "$file"
declare -A have
while read -r key; do have[$key]=1; done < <(jq -r '"\(.source)#\(.sequence)#\(.id)"' "$file")

connections |
    jq -rc --unbuffered 'select(.retain == 0) | .payload | fromjson? | select(type == "object")
        | "\(.source | ltrimstr("/units/")) \(.sequence // "-") \(.id)", .' |
    while read -r unit sequence id && read -r message; do
        [[ $unit =~ ^[a-z0-9-]{1,32}$ && $id =~ ^[0-9a-f-]{36}$ ]] || continue
        if [[ $sequence == - ]]; then # a status: neither numbered nor acknowledged
            printf '%s\n' "$message"
            continue
        fi
        key="/units/$unit#$sequence#$id"
        if [[ -z ${have[$key]:-} ]]; then
            printf '%s\n' "$message" >>"$file" && sync "$file"
            have[$key]=1
            printf '%s\n' "$message"
        fi
        say -t "$root/$unit/ack" -m "{\"ids\":[\"$id\"]}"
    done
