#!/usr/bin/env bash
# Writes Redis' configuration, with the share of this machine's memory that Redis may use.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=/dev/null
. "${SETTINGS:-/etc/rxindex/redis.env}"
total=$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)
umask 027
sed -e "s|@DATA@|$DATA|g; s|@CONFIG@|$CONFIG|g; s|@RUN@|$RUN|g" \
    -e "s|@MODULES@|$MODULES|g; s|@LOGS@|$LOGS|g" \
    -e "s|@MEMORY@|$((total * MEMORY_PERCENT / 100))kb|" \
    "$here/redis.conf" > "$CONFIG/rxindex.conf.new"
if grep -n '@[A-Z]*@' "$CONFIG/rxindex.conf.new" >&2; then
    echo "these were not filled in" >&2
    exit 1
fi
chown root:"$OWNER" "$CONFIG/rxindex.conf.new"
mv "$CONFIG/rxindex.conf.new" "$CONFIG/rxindex.conf"
