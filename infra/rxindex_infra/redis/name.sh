#!/usr/bin/env bash
# Lets the name in the private zone, for which the certificate is, mean this instance; with the
# word DELETE, takes the name away again.
set -euo pipefail
# shellcheck source=/dev/null
. "${SETTINGS:=/etc/rxindex/redis.env}"
# shellcheck source=/dev/null
. "${SETTINGS%/*}/instance.env"
action=${1:-UPSERT}
change=$(jq -cn --arg action "$action" --arg name "$NAME" --arg address "$ADDRESS" '{Changes: [{
    Action: $action,
    ResourceRecordSet: {Name: $name, Type: "A", TTL: 10, ResourceRecords: [{Value: $address}]}
}]}')
aws route53 change-resource-record-sets --hosted-zone-id "$ZONE" --change-batch "$change" \
    > /dev/null
echo "$action $NAME $ADDRESS"
