#!/usr/bin/env bash
# A hub in shell: hears all units, drops repeats, keeps each message on disk, then acknowledges it.
# Needs mosquitto_sub, mosquitto_pub and jq.     subscriber.sh [HOST [PORT [FILE]]]
set -euo pipefail
host=${1:-localhost} port=${2:-1883} file=${3:-heard.jsonl} root=patrol/v1
broker=(-h "$host" -p "$port" -q 1 -V mqttv5)

# A new session tells units to send again what no hub has acknowledged. Its id is a UUIDv7.
r=$(od -An -N10 -tx1 /dev/urandom | tr -d ' \n')
session=$(printf '%012x%s' "$(date +%s%3N)" "7${r:0:3}8${r:3:15}" |
    sed -E 's/(.{8})(.{4})(.{4})(.{4})(.{12}).*/\1-\2-\3-\4-\5/')
state() { # online or offline
    printf '{"state":"%s","hub":"hub-sh","session":"%s","time":"%s"}' \
        "$1" "$session" "$(date -u +%FT%T.%3NZ)"
}
say() { mosquitto_pub "${broker[@]}" "$@"; }
trap 'say -r -t "$root/hub/state" -m "$(state offline)"; kill 0' EXIT
(sleep 1; say -r -t "$root/hub/state" -m "$(state online)") & # when the subscription stands

# What was kept before is known: units repeat what they have no acknowledgement of. The id belongs
# to the key: a unit that has lost its disk numbers anew.
touch "$file"
declare -A have
while read -r key; do have[$key]=1; done < <(jq -r '"\(.source)#\(.sequence)#\(.id)"' "$file")

topics=()
for leaf in status state position health event reply; do topics+=(-t "$root/+/$leaf"); done
mosquitto_sub "${broker[@]}" "${topics[@]}" -F %j \
    --will-topic "$root/hub/state" --will-retain --will-payload "$(state offline)" |
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
