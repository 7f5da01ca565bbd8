#!/usr/bin/env bash
# At shutdown: when the stack is being deleted, takes away what the instance made outside of
# itself and CloudFormation does not know of, the name and the authority's certificate.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=/dev/null
. "${SETTINGS:-/etc/rxindex/redis.env}"
status=$(aws cloudformation describe-stacks --stack-name "$STACK" \
    --query 'Stacks[0].StackStatus' --output text)
[ "$status" = DELETE_IN_PROGRESS ] || exit 0
"$here/name.sh" DELETE
aws ssm delete-parameter --name "$CA_PARAMETER"
