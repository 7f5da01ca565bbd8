#!/usr/bin/env bash
# Installs Redis 8 from its own archive, the AWS CLI and the CloudWatch agent, as far as they are
# not there yet. Run it on a bare Ubuntu to bake an image.
set -euo pipefail
# shellcheck source=/dev/null
. "${SETTINGS:-/etc/rxindex/redis.env}"
export DEBIAN_FRONTEND=noninteractive
# cloud-init and unattended-upgrades may hold the lock at boot.
apt=(apt-get -qq -o DPkg::Lock::Timeout=300)

installed() {
    command -v redis-server > /dev/null && [ -e "$MODULES/redisearch.so" ] \
        && redis-server --version | grep -qE " v=${REDIS_VERSION//./\\.}[. ]"
}

if ! installed; then
    "${apt[@]}" update
    "${apt[@]}" install -y --no-install-recommends \
        ca-certificates curl gnupg jq openssl unattended-upgrades unzip xfsprogs > /dev/null
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    keyring=/usr/share/keyrings/redis-archive-keyring.gpg
    curl -fsSL --retry 5 https://packages.redis.io/gpg | gpg --batch --yes --dearmor -o "$keyring"
    chmod 644 "$keyring"
    echo "deb [signed-by=$keyring] https://packages.redis.io/deb $codename main" \
        > /etc/apt/sources.list.d/redis.list
    # Ubuntu has a Redis of its own, which is older and has no query engine.
    cat > /etc/apt/preferences.d/redis <<PREFERENCES
Package: redis redis-server redis-tools
Pin: version 6:${REDIS_VERSION}[.-]*
Pin-Priority: 1001

Package: redis redis-server redis-tools
Pin: release o=Ubuntu
Pin-Priority: -1
PREFERENCES
    "${apt[@]}" update
    "${apt[@]}" install -y --no-install-recommends redis-server redis-tools > /dev/null
    # Not before its configuration is there.
    systemctl disable --quiet --now redis-server
fi
installed || {
    echo "no Redis $REDIS_VERSION with its query engine came of the installation" >&2
    exit 1
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if ! command -v aws > /dev/null; then
    curl -fsSL --retry 5 -o "$scratch/aws.zip" \
        "https://awscli.amazonaws.com/awscli-exe-linux-$(uname -m).zip"
    unzip -q "$scratch/aws.zip" -d "$scratch"
    "$scratch/aws/install" > /dev/null
fi
if [ ! -e /opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl ]; then
    bucket="amazoncloudwatch-agent-$REGION.s3.$REGION.$URL_SUFFIX"
    curl -fsSL --retry 5 -o "$scratch/agent.deb" \
        "https://$bucket/ubuntu/$(dpkg --print-architecture)/latest/amazon-cloudwatch-agent.deb"
    dpkg -i "$scratch/agent.deb" > /dev/null
fi
