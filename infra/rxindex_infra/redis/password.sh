#!/usr/bin/env bash
# Takes the password from Secrets Manager: at boot, and every minute after. The current, the
# previous and the pending version are valid at the same time, so that a change of the password
# interrupts nobody. Redis is given hashes only; the passwords touch neither disk nor command line.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=/dev/null
. "${SETTINGS:-/etc/rxindex/redis.env}"
umask 077
refused=$(mktemp)
trap 'rm -f "$refused"' EXIT

hash_of() {
    local secret password
    # shellcheck disable=SC2153 # SECRET is a setting
    if ! secret=$(aws secretsmanager get-secret-value --secret-id "$SECRET" \
        --version-stage "$1" --query SecretString --output text 2> "$refused"); then
        # A secret that was never changed has no other version. Whatever else goes wrong must not
        # take a password away that is still in use.
        if [ "$1" != AWSCURRENT ] && grep -q ResourceNotFoundException "$refused"; then
            return
        fi
        echo "the password ($1) could not be read: $(cat "$refused")" >&2
        return 1
    fi
    if ! password=$(jq -er '.password | select(type == "string" and length >= 16)' \
        2> /dev/null <<< "$secret"); then
        echo "the secret ($1) has no password of at least 16 characters" >&2
        return 1
    fi
    printf '#%s\n' "$(printf %s "$password" | sha256sum | cut -d ' ' -f 1)"
}

if [ ! -s "$CONFIG/operator.password" ]; then
    openssl rand -hex 32 > "$CONFIG/operator.password"
fi
current=$(hash_of AWSCURRENT)
pending=$(hash_of AWSPENDING)
previous=$(hash_of AWSPREVIOUS)
operator="#$(tr -d '\n' < "$CONFIG/operator.password" | sha256sum | cut -d ' ' -f 1)"
mapfile -t hashes < <(printf '%s\n' "$current" "$pending" "$previous" | sed '/^$/d' | sort -u)
read -ra rules <<< "$(sed '/^#/d' "$here/rules.acl" | tr '\n' ' ')"

wanted=$(
    echo "user default off resetkeys resetchannels -@all"
    echo "user operator on $operator resetkeys resetchannels -@all" \
        "+ping +info +config|set +acl|setuser"
    echo "user rxindex on ${hashes[*]} ${rules[*]}"
)
[ "$wanted" = "$(cat "$CONFIG/users.acl" 2> /dev/null)" ] && exit
if [ -S "$RUN/redis.sock" ]; then
    # In one step, and without closing a connection of those who are logged in.
    "$here/ask.sh" ACL SETUSER rxindex reset on "${hashes[@]}" "${rules[@]}" > /dev/null
fi
printf '%s\n' "$wanted" > "$CONFIG/users.acl.new"
chown "$OWNER:$OWNER" "$CONFIG/users.acl.new"
mv "$CONFIG/users.acl.new" "$CONFIG/users.acl"
echo "${#hashes[@]} passwords are valid"
