#!/usr/bin/env bash
# Asks the Redis of this machine, as its operator: ask.sh INFO memory
set -euo pipefail
# shellcheck source=/dev/null
. "${SETTINGS:-/etc/rxindex/redis.env}"
REDISCLI_AUTH=$(cat "$CONFIG/operator.password")
export REDISCLI_AUTH
answer=$(redis-cli -s "$RUN/redis.sock" --user operator --no-auth-warning "$@")
case $answer in
    ERR* | NOPERM* | NOAUTH* | WRONGPASS* | LOADING* | MISCONF*)
        echo "$answer" >&2
        exit 1
        ;;
esac
echo "$answer"
