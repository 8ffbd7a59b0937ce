#!/bin/bash
# Makes archives like the ones beside this file, and expected.json, in /tmp/golden, which
# must not be there yet: SMATRIX=/path/to/smatrix ./make.sh. See README.md: the archives
# that are kept here are never replaced by newer ones.
set -euo pipefail
smatrix=${SMATRIX:?wanted the program that makes the archives}
mkdir /tmp/golden && cd /tmp/golden
at=127.0.0.1:18470

ask() { path=$1; shift; curl -sS --fail-with-body --max-time 60 -H 'Content-Type: application/json' "$@" "http://$at/api/v1/$path" && echo; }
post() { path=$1 body=$2; shift 2; ask "$path" -d "$body" "$@"; }

# serve starts a server and returns when it has printed its address.
serve() {
  "$smatrix" "$@" --paused --addr $at > serve.log &
  server=$!
  until grep -q http serve.log 2> /dev/null; do kill -0 $server && sleep 0.1; done
}
killed() { kill -9 $server; wait $server || true; rm serve.log; }
trap 'kill -9 ${server:-} 2> /dev/null || true' EXIT

# hamlet: a day, made to its end
"$smatrix" run hamlet --quiet --out /tmp/golden/hamlet

# city-killed: three days of ten homes, killed after 230 of 288 steps, with snapshots after
# 96 and 192
serve serve city --set households=10 --days 3 --out /tmp/golden/city-killed
post clock/step '{"steps":120}'
post commands '{"target":"grid/community-01/household-0001","setting":"load.scale","multiply":1.5}' -H 'Idempotency-Key: golden-load'
post clock/step '{"steps":110}'
killed

# town-killed: a day, killed after 70 of 96 steps; one command waits for step 80
serve serve town --days 1 --out /tmp/golden/town-killed
post clock/step '{"steps":20}'
post commands '{"target":"grid/supply/coal","setting":"available","value":false}' -H 'Idempotency-Key: golden-coal'
post commands '{"target":"grid/supply/coal","setting":"available","value":false}' -H 'Idempotency-Key: golden-coal'
post commands '{"target":"grid/community-01/household-0002/battery-0002","setting":"available","value":true}'
post commands '{"target":"grid/community-02","setting":"limit_w","value":40000}'
post commands '{"target":"grid/community-01/household-0003","setting":"pv.rated_w","value":8000}'
post commands '{"target":"grid/community-01/household-0003","setting":"pv.scale","value":1}'
post clock/step '{"steps":20}'
post alerts/acknowledge '{"id":"storage.empty:grid/community-02"}'
post commands '{"target":"grid/community-01/community-battery-01","setting":"mode","word":"idle"}'
post commands '{"target":"grid/community-03/household-0103","setting":"load.scale","multiply":1.3,"tick":50}'
post clock/step '{"steps":30}'
post commands '{"target":"grid/supply/coal","setting":"available","value":true,"tick":80}'
killed

# town-fork: a day of the town, forked at 14:00 with more panels; its past is in its archive
"$smatrix" run town --days 1 --quiet --out /tmp/golden/town
"$smatrix" fork town --at 14:00 --set 'households.*.pv.rated_w*=1.3' --quiet --out /tmp/golden/town-fork

# scarcity-ufls: relays switch off three stages of customers in step 74
"$smatrix" run scarcity --steps 80 --set 'batteries.*.grid_forming=false' --quiet --out /tmp/golden/scarcity-ufls

for run in hamlet city-killed town-killed town-fork scarcity-ufls; do
  "$smatrix" backup /tmp/golden/$run /tmp/golden/$run.tar.zst
done

# expect prints what an archive comes to: as it is, resumed if it was killed, forked at a
# step with a change, and in spans of steps FROM-TO. Every copy is restored from the archive.
expect() {
  local run=$1 at_step=$2 set=$3 copies=/tmp/golden/copies/$1
  shift 3
  for copy in kept resumed; do "$smatrix" restore $run.tar.zst $copies/$copy >&2; done
  "$smatrix" replay $copies/kept --verify --json > $copies/kept.json
  "$smatrix" fork $copies/kept --at "$at_step" --set "$set" --out $copies/fork --quiet --json > $copies/fork.json
  echo null > $copies/resumed.json
  case $run in *-killed) "$smatrix" run --resume $copies/resumed --quiet --json > $copies/resumed.json;; esac
  : > $copies/spans.json
  for span; do "$smatrix" replay $copies/kept --from ${span%-*} --to ${span#*-} --json | jq ". + {from: ${span%-*}, to: ${span#*-}}" >> $copies/spans.json; done
  # Commands as the API has them, whose values have all their places: without the point
  # they are what is kept (mW, ppb, 0 or 1).
  serve replay $copies/kept --serve
  ask 'commands?limit=1000' | sed -E 's/"value":(-?[0-9]+)\.([0-9]+)/"value":\1\2/g' > $copies/commands.json
  killed
  jq -n --arg run $run --argjson at $at_step --arg set "$set" --arg sum $(sha256sum < $run.tar.zst | cut -d' ' -f1) \
    --slurpfile kept $copies/kept.json --slurpfile fork $copies/fork.json --slurpfile resumed $copies/resumed.json \
    --slurpfile spans $copies/spans.json --slurpfile meta $copies/kept/run.json --slurpfile commands $copies/commands.json '
    def figures: {steps, digest, energy_wh, peak_w, peak_step, ufls_stages: .frequency_hz.ufls_stages, rewards_eur};
    ($commands[0].commands | reverse | map({seq, tick, target, name, setting, value})) as $all |
    {archive: ($run + ".tar.zst"), sha256: $sum, model: 1, scenario: $kept[0].scenario, seed: $kept[0].seed,
     state: $meta[0].state, last_step: $meta[0].journal.steps, kept: ($kept[0] | figures)}
    + (if $resumed[0] then {resumed: ($resumed[0] | figures)} else {} end)
    + {fork: ({at: $at, set: [$set]} + ($fork[0] | figures))}
    + (if $spans == [] then {} else {spans: [$spans[] | {from, to} + figures]} end)
    + {commands: ($all | length), first_commands: $all[:10]}'
}
{
  expect hamlet 12 'batteries.battery.available=false'
  expect city-killed 200 'households.*.load.scale*=0.9'
  expect town-killed 60 'producers.biogas.available=false'
  expect town-fork 80 'producers.engine-a.available=false'
  expect scarcity-ufls 70 'producers.biogas.available=false' 74-75
} | jq -s . > expected.json
