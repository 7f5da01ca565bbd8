#!/usr/bin/env bash
# Starts Redis, the timers and the CloudWatch agent, now and at every boot.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=/dev/null
. "${SETTINGS:-/etc/rxindex/redis.env}"

install -m 644 "$here/sysctl.conf" /etc/sysctl.d/60-rxindex-redis.conf
sysctl -q --system
install -D -m 644 "$here/redis-server.override" \
    /etc/systemd/system/redis-server.service.d/rxindex.conf
for task in password certificate metrics; do
    install -m 644 "$here/rxindex-$task.service" "$here/rxindex-$task.timer" /etc/systemd/system/
done
install -m 644 "$here/rxindex-leave.service" /etc/systemd/system/
systemctl daemon-reload
systemctl enable --quiet --now redis-server rxindex-{password,certificate,metrics}.timer \
    rxindex-leave

agent=/opt/aws/amazon-cloudwatch-agent
sed -e "s|@NAMESPACE@|$NAMESPACE|; s|@LOG_GROUP@|$LOG_GROUP|; s|@DATA@|$DATA|" \
    -e "s|@LOGS@|$LOGS|; s|@NAME@|$NAME|" "$here/agent.json" > "$agent/etc/rxindex.json"
"$agent/bin/amazon-cloudwatch-agent-ctl" -a fetch-config -m ec2 -s \
    -c "file:$agent/etc/rxindex.json" > /dev/null

# systemd said that it is ready; now that it also does what it is for.
modules=$("$here/ask.sh" INFO modules)
if [[ $modules != *name=search,* ]]; then
    echo "Redis runs without its query engine" >&2
    exit 1
fi
