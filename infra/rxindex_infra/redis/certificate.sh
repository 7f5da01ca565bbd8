#!/usr/bin/env bash
# The authority of Redis' certificate: made once, on the volume with the data, so that it outlives
# an instance. Its certificate (not its key) is published to Parameter Store, where the functions
# read it. Redis' own certificate is renewed when it has less than 60 days left.
set -euo pipefail
# shellcheck source=/dev/null
. "${SETTINGS:-/etc/rxindex/redis.env}"
tls=$DATA/tls
umask 077
mkdir -p "$tls"

key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2> /dev/null
}

make_authority() {
    key "$tls/ca.key.new"
    openssl req -x509 -new -key "$tls/ca.key.new" -days 7300 -out "$tls/ca.crt" -config - << CONFIG
[req]
prompt = no
distinguished_name = name
x509_extensions = extensions
[name]
CN = Authority of $NAME
[extensions]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
CONFIG
    # Last: an authority is there once its key is.
    mv "$tls/ca.key.new" "$tls/ca.key"
}

good() {
    [ -s "$tls/redis.key" ] && [ -s "$tls/redis.crt" ] \
        && [ "$(openssl pkey -in "$tls/redis.key" -pubout)" = \
            "$(openssl x509 -in "$tls/redis.crt" -noout -pubkey)" ] \
        && openssl verify -CAfile "$tls/ca.crt" -verify_hostname "$NAME" "$tls/redis.crt" \
            > /dev/null 2>&1 \
        && openssl x509 -in "$tls/redis.crt" -noout -checkend $((60 * 86400)) > /dev/null
}

make_certificate() {
    key "$tls/redis.key.new"
    openssl req -new -key "$tls/redis.key.new" -subj "/CN=$NAME" -out "$tls/redis.csr"
    openssl x509 -req -in "$tls/redis.csr" -CA "$tls/ca.crt" -CAkey "$tls/ca.key" -days 397 \
        -set_serial "0x$(openssl rand -hex 16)" -out "$tls/redis.crt.new" 2> /dev/null \
        -extfile <(
            echo "basicConstraints = critical, CA:FALSE"
            echo "keyUsage = critical, digitalSignature"
            echo "extendedKeyUsage = serverAuth"
            echo "subjectAltName = DNS:$NAME"
            echo "subjectKeyIdentifier = hash"
            echo "authorityKeyIdentifier = keyid:always"
        )
    rm "$tls/redis.csr"
    mv "$tls/redis.key.new" "$tls/redis.key"
    mv "$tls/redis.crt.new" "$tls/redis.crt"
}

[ -s "$tls/ca.key" ] || make_authority
if good; then
    renewed=false
else
    make_certificate
    renewed=true
fi
# The authority's key is for root only.
chown -R root:"$OWNER" "$tls" 2> /dev/null || true
chmod 750 "$tls"
chmod 640 "$tls/redis.key" "$tls/redis.crt" "$tls/ca.crt"
chmod 600 "$tls/ca.key"

published=$(aws ssm get-parameter --name "$CA_PARAMETER" --query Parameter.Value --output text \
    2> /dev/null) || published=
if [ "$published" != "$(cat "$tls/ca.crt")" ]; then
    aws ssm put-parameter --name "$CA_PARAMETER" --type String --overwrite \
        --description "Authority of $NAME" --value "file://$tls/ca.crt" > /dev/null
    echo "published the authority to $CA_PARAMETER"
fi
if [ "$renewed" = true ] && [ -S "$RUN/redis.sock" ]; then
    "$(dirname "$(readlink -f "$0")")/ask.sh" CONFIG SET \
        tls-cert-file "$tls/redis.crt" tls-key-file "$tls/redis.key" > /dev/null
    echo "renewed the certificate"
fi
