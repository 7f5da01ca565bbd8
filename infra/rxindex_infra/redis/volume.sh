#!/usr/bin/env bash
# Attaches the volume with Redis' data to this instance and mounts it. Makes a file system only on
# a volume that has none.
set -euo pipefail
# shellcheck source=/dev/null
. "${SETTINGS:=/etc/rxindex/redis.env}"
# shellcheck source=/dev/null
. "${SETTINGS%/*}/instance.env"
device=$DEVICES/nvme-Amazon_Elastic_Block_Store_${VOLUME/-/}

until [ -e "$device" ]; do
    if [ "$SECONDS" -ge "$ATTACH_SECONDS" ]; then
        echo "the volume $VOLUME could not be attached in $ATTACH_SECONDS seconds" >&2
        exit 1
    fi
    # Refused for as long as the instance before this one still has it.
    if ! aws ec2 attach-volume --volume-id "$VOLUME" --instance-id "$INSTANCE" \
        --device /dev/sdf > /dev/null; then
        echo "the volume is not free yet" >&2
    fi
    [ -e "$device" ] || sleep 5
done

outcome=0
type=$(blkid -p -o value -s TYPE "$device") || outcome=$?
case $outcome in
    0) echo "the volume has a file system: $type" ;;
    2)
        # blkid's word for: nothing at all was found on it.
        echo "the volume is new: making a file system"
        mkfs.xfs -q "$device"
        ;;
    *)
        echo "what is on the volume $VOLUME can't be told; nothing was done to it" >&2
        exit 1
        ;;
esac
if ! mountpoint -q "$DATA"; then
    mkdir -p "$DATA"
    grep -q " $DATA " "$FSTAB" \
        || echo "$device $DATA xfs noatime,nofail,x-systemd.device-timeout=300 0 2" >> "$FSTAB"
    mount "$DATA"
fi
# Does nothing unless the volume was made larger.
xfs_growfs "$DATA" > /dev/null
# Another instance may have had another number for the user.
find "$DATA" -path "$DATA/tls" -prune -o -exec chown "$OWNER:$OWNER" {} +
chmod 750 "$DATA"
