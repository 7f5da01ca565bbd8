#!/usr/bin/env bash
# Makes a Redis server of a bare Ubuntu, at the first boot of an instance, and tells
# CloudFormation how that went. Each step can be repeated.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=/dev/null
. "${SETTINGS:=/etc/rxindex/redis.env}"

signal() {
    local outcome=$?
    [ "$outcome" = 0 ] && status=SUCCESS || status=FAILURE
    echo "boot: $status"
    aws cloudformation signal-resource --stack-name "$STACK" --logical-resource-id "$GROUP" \
        --unique-id "${INSTANCE:-unknown}" --status "$status" || true
    exit "$outcome"
}
trap signal EXIT

metadata() {
    curl -fsS --retry 5 -H "X-aws-ec2-metadata-token: $token" \
        "http://169.254.169.254/latest/meta-data/$1"
}
token=$(curl -fsS --retry 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' \
    http://169.254.169.254/latest/api/token)
INSTANCE=$(metadata instance-id)
ADDRESS=$(metadata local-ipv4)
printf 'INSTANCE=%s\nADDRESS=%s\n' "$INSTANCE" "$ADDRESS" \
    > "${SETTINGS%/*}/instance.env"

"$here/install.sh"
"$here/volume.sh"
"$here/certificate.sh"
"$here/configure.sh"
"$here/password.sh"
"$here/start.sh"
"$here/name.sh"
