#!/usr/bin/env bash
# Deploys the nightly sync by plain AWS CLI, for accounts without CDK: the function from the zip,
# its role, dead letter queue, schedule, log group and alarms. Creates what is missing, changes
# what differs, and leaves alone what is as it should be. See --help.
#
# Written for bash 3.2 (macOS) and newer, and for the AWS CLI 1 and 2. It needs nothing else: no
# jq and no Python. Comparing what is there with what should be is left to the CLI's --query.
set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=manual/options.sh
. "$scripts/manual/options.sh"
# shellcheck source-path=SCRIPTDIR source=manual/calls.sh
. "$scripts/manual/calls.sh"
# shellcheck source-path=SCRIPTDIR source=manual/documents.sh
. "$scripts/manual/documents.sh"
# shellcheck source-path=SCRIPTDIR source=manual/deploy.sh
. "$scripts/manual/deploy.sh"
# shellcheck source-path=SCRIPTDIR source=manual/destroy.sh
. "$scripts/manual/destroy.sh"

usage() {
    cat << 'END'
Usage: scripts/deploy-lambda-manual.sh --stage STAGE [options]
       scripts/deploy-lambda-manual.sh --stage STAGE --destroy [--yes]

Deploys rxindex's nightly sync by plain AWS CLI, for accounts without CDK. Run it again at any
time: it creates what is missing, changes only what differs, and says so when nothing does.

Example:
  scripts/deploy-lambda-manual.sh --stage prod --region eu-central-1 \
      --subnets subnet-0a1b2c3d,subnet-4e5f6a7b --security-groups sg-0a1b2c3d \
      --database-url 'mysql://fdb.cluster-abc.eu-central-1.rds.amazonaws.com:3306/fdb?tls=verify' \
      --database-secret arn:aws:secretsmanager:eu-central-1:111122223333:secret:fdb-AbCdEf \
      --redis-url rediss://redis.internal:6379/0 \
      --redis-secret arn:aws:secretsmanager:eu-central-1:111122223333:secret:redis-AbCdEf \
      --redis-ca-parameter /rxindex/prod/redis-ca --email oncall@example.com --dry-run

Each option may also come from the environment; its variable is given in brackets. Credentials
and region come from the AWS configuration (AWS_PROFILE, AWS_REGION, ~/.aws, ...).

What to do:
  --dry-run                print what would be done; call nothing that writes
  --destroy                delete all that this script made for the stage; asks first
  --yes                    do not ask
  --keep-logs              with --destroy: leave the log group
  --help                   this text

Names:
  --stage STAGE            dev, prod, ...; becomes part of every name [RXINDEX_DEPLOY_STAGE]
  --name NAME              beginning of every name (rxindex) [RXINDEX_DEPLOY_NAME]
  --region REGION          AWS region, when not from the AWS configuration

Function:
  --zip FILE               what make lambda built (dist/rxindex-lambda-ARCHITECTURE-py3.13.zip)
                           [RXINDEX_DEPLOY_ZIP]
  --architecture ARCH      x86_64 or arm64 (what the zip's name says, else arm64)
                           [RXINDEX_DEPLOY_ARCHITECTURE]
  --runtime RUNTIME        what the zip's name says, else python3.13 [RXINDEX_DEPLOY_RUNTIME]
  --memory MB              128 to 10240 (1769, one whole processor) [RXINDEX_DEPLOY_MEMORY]
  --timeout SECONDS        60 to 900 (900) [RXINDEX_DEPLOY_TIMEOUT]
  --bucket BUCKET          upload the zip through this S3 bucket of the account; needed only for
                           a zip of more than 50 MB [RXINDEX_DEPLOY_BUCKET]
  --subnets IDS            private subnets, comma-separated [RXINDEX_DEPLOY_SUBNETS]
  --security-groups IDS    comma-separated; must let 3306, 6379 and 443 out
                           [RXINDEX_DEPLOY_SECURITY_GROUPS]
  --set NAME=VALUE         another setting of docs/configuration.md, for instance
                           RXINDEX_BATCH_SIZE=1000; may be repeated

Database and Redis (passwords stay in Secrets Manager: this script takes and reads none):
  --database-url URL       mysql://HOST:3306/DATABASE?tls=verify, without user and password
                           [RXINDEX_SOURCE]
  --database-secret ID     ARN or name of the database's secret [RXINDEX_DATABASE_SECRET]
  --database-auth HOW      secret or iam (secret); with iam the URL is mysql://USER@HOST/...
                           [RXINDEX_DATABASE_AUTH]
  --database-resource ID   with iam: resource id of the cluster, cluster-ABC...
                           [RXINDEX_DEPLOY_DATABASE_RESOURCE]
  --redis-url URL          rediss://HOST:6379/0, without user and password [RXINDEX_REDIS]
  --redis-secret ID        ARN or name of Redis' secret [RXINDEX_REDIS_SECRET]
  --redis-ca-parameter ID  name or ARN of the SSM parameter with Redis' authority
                           [RXINDEX_REDIS_CA_PARAMETER]
  --secrets-kms-key ARN    customer managed key of the two secrets, if they have one
                           [RXINDEX_DEPLOY_SECRETS_KMS_KEY]

Index:
  --catalogue NAME         name of the catalogue in Redis (fdb) [RXINDEX_CATALOGUE]
  --model-id ID            Bedrock model or inference profile (amazon.titan-embed-text-v2:0)
                           [RXINDEX_TITAN_MODEL]
  --dimensions N           256, 512 or 1024 (1024) [RXINDEX_DIMENSIONS]
  --requests-per-minute N  your quota for the model (2000) [RXINDEX_TITAN_REQUESTS_PER_MINUTE]

Schedule:
  --schedule EXPRESSION    'cron(0 2 * * ? *)', UTC [RXINDEX_DEPLOY_SCHEDULE]
  --schedule-state STATE   ENABLED or DISABLED (ENABLED) [RXINDEX_DEPLOY_SCHEDULE_STATE]

Alarms and logs:
  --email ADDRESS          is sent the alarms; AWS asks it to confirm [RXINDEX_DEPLOY_EMAIL]
  --namespace NAME         of the metrics (DAW/DrugSync) [RXINDEX_METRICS_NAMESPACE]
  --failed-drugs-threshold N  failed drugs of a run that raise an alarm (100)
                           [RXINDEX_DEPLOY_FAILED_DRUGS_THRESHOLD]
  --throttles-threshold N  throttled embedding calls in an hour, likewise (1000)
                           [RXINDEX_DEPLOY_THROTTLES_THRESHOLD]
  --quarantine-threshold N  drugs in quarantine, likewise (100)
                           [RXINDEX_DEPLOY_QUARANTINE_THRESHOLD]
  --quarantine-growth N    drugs more in quarantine than the day before, likewise (10)
                           [RXINDEX_DEPLOY_QUARANTINE_GROWTH]
  --log-days DAYS          retention of the log (30) [RXINDEX_DEPLOY_LOG_DAYS]
  --kms-key ARN            customer managed key for the log group and the topic of the alarms; its
                           policy must let CloudWatch and CloudWatch Logs use it
                           [RXINDEX_DEPLOY_KMS_KEY]

Role:
  --role-arn ARN           use this role and make none [RXINDEX_DEPLOY_ROLE_ARN]
  --permissions-boundary ARN  for the role that is made [RXINDEX_DEPLOY_PERMISSIONS_BOUNDARY]

Exit status: 0 all is as it should be, 2 an option is wrong (nothing was changed), 3 no usable AWS
CLI, region or credentials, 4 AWS refused or did not answer, 5 --destroy was not confirmed.
END
}

main() {
    read_options "$@"
    check_names
    [ -n "$destroy" ] || check_options
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM
    connect
    if [ -n "$destroy" ]; then
        destroy_all
    else
        deploy_all
    fi
}

main "$@"
