# shellcheck shell=bash
# What the caller wants: options from flags and environment, checked before anything is called.
# A value is quoted in a message only where it cannot be a secret that somebody put in by mistake.

stage=${RXINDEX_DEPLOY_STAGE:-}
name=${RXINDEX_DEPLOY_NAME:-rxindex}
region=
zip=${RXINDEX_DEPLOY_ZIP:-}
architecture=${RXINDEX_DEPLOY_ARCHITECTURE:-}
runtime=${RXINDEX_DEPLOY_RUNTIME:-}
memory=${RXINDEX_DEPLOY_MEMORY:-1769}
timeout=${RXINDEX_DEPLOY_TIMEOUT:-900}
bucket=${RXINDEX_DEPLOY_BUCKET:-}
subnets=${RXINDEX_DEPLOY_SUBNETS:-}
security_groups=${RXINDEX_DEPLOY_SECURITY_GROUPS:-}
database_url=${RXINDEX_SOURCE:-}
database_secret=${RXINDEX_DATABASE_SECRET:-}
database_auth=${RXINDEX_DATABASE_AUTH:-secret}
database_resource=${RXINDEX_DEPLOY_DATABASE_RESOURCE:-}
redis_url=${RXINDEX_REDIS:-}
redis_secret=${RXINDEX_REDIS_SECRET:-}
redis_ca_parameter=${RXINDEX_REDIS_CA_PARAMETER:-}
secrets_kms_key=${RXINDEX_DEPLOY_SECRETS_KMS_KEY:-}
catalogue=${RXINDEX_CATALOGUE:-fdb}
model_id=${RXINDEX_TITAN_MODEL:-amazon.titan-embed-text-v2:0}
dimensions=${RXINDEX_DIMENSIONS:-1024}
requests_per_minute=${RXINDEX_TITAN_REQUESTS_PER_MINUTE:-2000}
schedule=${RXINDEX_DEPLOY_SCHEDULE:-cron(0 2 * * ? *)}
schedule_state=${RXINDEX_DEPLOY_SCHEDULE_STATE:-ENABLED}
email=${RXINDEX_DEPLOY_EMAIL:-}
namespace=${RXINDEX_METRICS_NAMESPACE:-DAW/DrugSync}
failed_drugs_threshold=${RXINDEX_DEPLOY_FAILED_DRUGS_THRESHOLD:-100}
throttles_threshold=${RXINDEX_DEPLOY_THROTTLES_THRESHOLD:-1000}
quarantine_threshold=${RXINDEX_DEPLOY_QUARANTINE_THRESHOLD:-100}
quarantine_growth=${RXINDEX_DEPLOY_QUARANTINE_GROWTH:-10}
log_days=${RXINDEX_DEPLOY_LOG_DAYS:-30}
kms_key=${RXINDEX_DEPLOY_KMS_KEY:-}
role_arn=${RXINDEX_DEPLOY_ROLE_ARN:-}
permissions_boundary=${RXINDEX_DEPLOY_PERMISSIONS_BOUNDARY:-}
# Further settings of the function, each NAME=VALUE.
further=()
dry_run=
destroy=
yes=
keep_logs=
# Set by check_zip: the zip's SHA-256 in both spellings, and whether an authority is in it.
zip_hex=
zip_base64=
source_ca=

# The most that Lambda takes in a direct upload, in bytes.
direct_upload=52428800
mysql_form='^(mysql|mariadb)://([A-Za-z0-9_.-]+@)?[A-Za-z0-9.-]+(:[0-9]{1,5})?/[A-Za-z0-9_$-]+([?][A-Za-z0-9_=&.-]*)?$'
redis_form='^rediss?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[0-9]{1,2})?([?][A-Za-z0-9_=&.-]*)?$'
secret_form='^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:)?[A-Za-z0-9/_+=.@!-]{1,512}$'
parameter_form='^(arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter)?[A-Za-z0-9/_.-]{1,1011}$'
key_form='^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$'

# Something about the options is wrong: says it and stops.
misuse() {
    printf 'deploy-lambda-manual: %s\n' "$*" >&2
    echo "See scripts/deploy-lambda-manual.sh --help" >&2
    exit 2
}

read_options() {
    local flag value
    while [ $# -gt 0 ]; do
        flag=$1
        shift
        case $flag in
            --help | -h) usage; exit 0 ;;
            --dry-run) dry_run=1; continue ;;
            --destroy) destroy=1; continue ;;
            --yes) yes=1; continue ;;
            --keep-logs) keep_logs=1; continue ;;
            --*=*) value=${flag#*=}; flag=${flag%%=*} ;;
            --*)
                [ $# -gt 0 ] || misuse "$flag needs a value"
                value=$1
                shift
                ;;
            *) misuse "there is an argument that belongs to no option; options begin with --" ;;
        esac
        case $flag in
            --set) further+=("$value") ;;
            --stage | --name | --region | --zip | --architecture | --runtime | --memory | \
                --timeout | --bucket | --subnets | --security-groups | --database-url | \
                --database-secret | --database-auth | --database-resource | --redis-url | \
                --redis-secret | --redis-ca-parameter | --secrets-kms-key | --catalogue | \
                --model-id | --dimensions | --requests-per-minute | --schedule | \
                --schedule-state | --email | --namespace | --failed-drugs-threshold | \
                --throttles-threshold | --quarantine-threshold | --quarantine-growth | \
                --log-days | --kms-key | --role-arn | --permissions-boundary)
                flag=${flag#--}
                printf -v "${flag//-/_}" '%s' "$value"
                ;;
            *) misuse "there is no option $flag" ;;
        esac
    done
}

# must FLAG VALUE FORM MEANING: a value has to match, without being quoted in the message.
must() {
    [[ -n $2 ]] || misuse "$1 is missing: $4"
    [[ $2 =~ $3 ]] || misuse "$1 is wrong: it has to be $4"
}

# may FLAG VALUE FORM MEANING: likewise, for what may be left out.
may() {
    [[ -z $2 ]] || must "$@"
}

# between FLAG VALUE LEAST MOST: a whole number.
between() {
    if ! [[ $2 =~ ^(0|[1-9][0-9]{0,8})$ ]] || [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then
        misuse "$1 is wrong: it has to be a whole number from $3 to $4"
    fi
}

check_names() {
    must --stage "$stage" '^[a-z][a-z0-9-]{0,15}$' \
        "at most 16 of a-z, 0-9 and -, beginning with a letter"
    must --name "$name" '^[a-z][a-z0-9-]{0,31}$' \
        "at most 32 of a-z, 0-9 and -, beginning with a letter"
    may --region "$region" '^[a-z]{2,4}(-[a-z]+)+-[0-9]$' "a region, for instance eu-central-1"
    may --role-arn "$role_arn" '^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9/+=,.@_-]+$' \
        "the ARN of a role"
}

check_options() {
    check_function
    check_connections
    check_index
    check_alarms
    check_further
    check_zip
    note_plain_connections
}

check_function() {
    between --memory "$memory" 128 10240
    between --timeout "$timeout" 60 900
    may --architecture "$architecture" '^(x86_64|arm64)$' "x86_64 or arm64"
    may --runtime "$runtime" '^python3\.[0-9]+$' "a runtime, for instance python3.13"
    may --bucket "$bucket" '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$' "the name of an S3 bucket"
    must --subnets "$subnets" '^subnet-[0-9a-f]{8,17}(,subnet-[0-9a-f]{8,17}){0,15}$' \
        "ids of private subnets, subnet-..., with commas between them"
    must --security-groups "$security_groups" '^sg-[0-9a-f]{8,17}(,sg-[0-9a-f]{8,17}){0,4}$' \
        "at most five ids of security groups, sg-..., with commas between them"
    may --permissions-boundary "$permissions_boundary" \
        '^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9/+=,.@_-]+$' "the ARN of a policy"
}

check_connections() {
    must --database-url "$database_url" "$mysql_form" \
        "mysql://HOST:3306/DATABASE?tls=verify without a password, which belongs into a secret"
    [[ ! $database_url =~ [?\&](user|password|passwd)= ]] ||
        misuse "--database-url is wrong: user and password belong into a secret"
    case $database_auth in
        secret)
            [[ $database_url != *@* ]] ||
                misuse "--database-url is wrong: the user belongs into the secret"
            must --database-secret "$database_secret" "$secret_form" "the ARN or name of a secret"
            ;;
        iam)
            [[ $database_url == *@* ]] ||
                misuse "--database-url is wrong: with --database-auth iam it is mysql://USER@HOST/..."
            must --database-resource "$database_resource" '^(cluster|db|prx)-[A-Za-z0-9]+$' \
                "the resource id of the cluster, cluster-..., which IAM authentication needs"
            [[ -z $database_secret ]] ||
                misuse "--database-secret is not used with --database-auth iam: leave it out"
            ;;
        *) misuse "--database-auth is wrong: it has to be secret or iam" ;;
    esac
    must --redis-url "$redis_url" "$redis_form" \
        "rediss://HOST:6379/0 without user and password, which belong into a secret"
    [[ ! $redis_url =~ [?\&](username|password)= ]] ||
        misuse "--redis-url is wrong: user and password belong into a secret"
    must --redis-secret "$redis_secret" "$secret_form" "the ARN or name of a secret"
    may --redis-ca-parameter "$redis_ca_parameter" "$parameter_form" "the name of an SSM parameter"
    may --secrets-kms-key "$secrets_kms_key" "$key_form" "the ARN of a KMS key"
}

# What is allowed, but seldom meant.
note_plain_connections() {
    [[ $redis_url == rediss://* ]] ||
        echo "note: --redis-url is not rediss://: the password travels unencrypted" >&2
    [[ $database_url == *[?\&]tls=verify* || $database_auth = iam ]] ||
        echo "note: --database-url lacks tls=verify: the server's certificate is not checked" >&2
}

check_index() {
    must --catalogue "$catalogue" '^[A-Za-z0-9_.-]{1,64}$' "letters, digits, _, . and -"
    must --model-id "$model_id" '^[A-Za-z0-9.:/_-]{1,256}$' "a Bedrock model id or an ARN"
    must --dimensions "$dimensions" '^(256|512|1024)$' "256, 512 or 1024"
    between --requests-per-minute "$requests_per_minute" 1 9999999
    must --schedule "$schedule" '^(cron|rate)\([][A-Za-z0-9 ,*?/#-]+\)$' \
        "an expression of EventBridge, for instance 'cron(0 2 * * ? *)'"
    must --schedule-state "$schedule_state" '^(ENABLED|DISABLED)$' "ENABLED or DISABLED"
}

check_alarms() {
    may --email "$email" '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]+$' "one address"
    must --namespace "$namespace" '^[A-Za-z0-9_./#-]{1,255}$' "a namespace of CloudWatch"
    [[ $namespace != AWS/* ]] || misuse "--namespace is wrong: AWS/ is reserved"
    between --failed-drugs-threshold "$failed_drugs_threshold" 1 99999999
    between --throttles-threshold "$throttles_threshold" 1 99999999
    between --quarantine-threshold "$quarantine_threshold" 1 99999999
    between --quarantine-growth "$quarantine_growth" 1 99999999
    must --log-days "$log_days" \
        '^(1|3|5|7|14|30|60|90|120|150|180|365|400|545|731|1096|1827|2192|2557|2922|3288|3653)$' \
        "one of CloudWatch's: 1 3 5 7 14 30 60 90 120 150 180 365 400 545 731 1096 1827 ... 3653"
    may --kms-key "$kms_key" "$key_form" "the ARN of a KMS key"
}

check_further() {
    local one own=" RXINDEX_SOURCE RXINDEX_SOURCE_CA RXINDEX_DATABASE_SECRET RXINDEX_DATABASE_AUTH "
    own+="RXINDEX_REDIS RXINDEX_REDIS_SECRET RXINDEX_REDIS_CA_PARAMETER RXINDEX_CATALOGUE "
    own+="RXINDEX_EMBEDDER RXINDEX_TITAN_MODEL RXINDEX_DIMENSIONS RXINDEX_METRICS_NAMESPACE "
    own+="RXINDEX_TITAN_REQUESTS_PER_MINUTE RXINDEX_DATA_DIR POWERTOOLS_SERVICE_NAME "
    for one in ${further[@]+"${further[@]}"}; do
        [[ $one =~ ^(RXINDEX|POWERTOOLS)_[A-Z0-9_]+= ]] ||
            misuse "--set is wrong: it has to be RXINDEX_NAME=VALUE"
        [[ $own != *" ${one%%=*} "* ]] || misuse "--set ${one%%=*}: is set by this script; see --help"
        # Two of one name would be one invalid JSON object; the last one would win unseen.
        own+="${one%%=*} "
        [[ ! $one =~ ://.*@ && ! ${one%%=*} =~ (PASSWORD|TOKEN)$ ]] ||
            misuse "--set ${one%%=*}: a password belongs into a secret, never into the environment"
        [[ ! ${one#*=} =~ [[:cntrl:]] ]] || misuse "--set ${one%%=*}: has a control character"
    done
}

# The zip has to be one of make lambda's, for the architecture and runtime that are wanted.
check_zip() {
    local named
    if [ -z "$zip" ]; then
        named=${runtime:-python3.13}
        zip=${scripts%/*}/dist/rxindex-lambda-${architecture:-arm64}-py${named#python}.zip
    fi
    [ -f "$zip" ] || misuse "--zip: there is no file $zip; build it with: make lambda"
    [ "$(head -c 4 "$zip" | od -An -tx1 | tr -d ' \n')" = 504b0304 ] ||
        misuse "--zip: $zip is not a zip file; build one with: make lambda"
    # Names of entries are not compressed.
    LC_ALL=C grep -aqE 'rxindex/aws/sync_handler\.pyc?' "$zip" ||
        misuse "--zip: $zip does not hold rxindex's handler; build one with: make lambda"
    if [[ ${zip##*/} =~ ^rxindex-lambda-(x86_64|arm64)-py(3\.[0-9]+)\.zip$ ]]; then
        named=${BASH_REMATCH[1]}
        [ "${architecture:=$named}" = "$named" ] ||
            misuse "--architecture $architecture: $zip is built for $named"
        named=python${BASH_REMATCH[2]}
        [ "${runtime:=$named}" = "$named" ] ||
            misuse "--runtime $runtime: $zip is built for $named"
    fi
    : "${architecture:=arm64}" "${runtime:=python3.13}"
    if [ -z "$bucket" ] && [ "$(wc -c < "$zip")" -gt "$direct_upload" ]; then
        misuse "--bucket is missing: $zip is larger than the 50 MB of a direct upload"
    fi
    if LC_ALL=C grep -aq 'rds-ca\.pem' "$zip"; then
        source_ca=/var/task/rds-ca.pem
    fi
    zip_hex=$(sha256 "$zip")
    # Lambda tells the same hash in base64.
    # shellcheck disable=SC2059
    zip_base64=$(printf "$(printf '%s' "$zip_hex" | sed 's/../\\x&/g')" | base64)
    check_manifest
}

check_manifest() {
    local manifest=${zip%.zip}.json
    if [ -f "$manifest" ] && ! grep -qF "$zip_hex" "$manifest"; then
        misuse "--zip: $zip is not the file that $manifest describes; build both with: make lambda"
    fi
}

sha256() {
    if command -v sha256sum > /dev/null; then
        sha256sum < "$1" | cut -c 1-64
    else
        shasum -a 256 < "$1" | cut -c 1-64
    fi
}
