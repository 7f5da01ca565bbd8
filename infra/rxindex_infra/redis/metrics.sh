#!/usr/bin/env bash
# Tells CloudWatch every minute whether Redis answers, and how full it is.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=/dev/null
. "${SETTINGS:-/etc/rxindex/redis.env}"
up=1
info=$("$here/ask.sh" INFO everything) || up=0
data=$(jq -cnR --arg info "$info" --arg server "$NAME" --argjson up "$up" '
    ($info | [splits("\r?\n") | select(contains(":")) | split(":") | {(.[0]): .[1]}] | add // {})
        as $of
    | [{n: "RedisUp", v: $up, u: "Count"}] + if $up == 0 then [] else [
        {n: "RedisMemory", u: "Percent",
         v: (100 * ($of.used_memory | tonumber) / ($of.maxmemory | tonumber))},
        {n: "RedisClients", u: "Count", v: ($of.connected_clients | tonumber)},
        {n: "RedisWriteErrors", u: "Count",
         v: (if $of.aof_last_write_status == "ok" then 0 else 1 end)}
    ] end
    | map({MetricName: .n, Value: .v, Unit: .u,
           Dimensions: [{Name: "Server", Value: $server}]})')
aws cloudwatch put-metric-data --namespace "$NAMESPACE" --metric-data "$data"
