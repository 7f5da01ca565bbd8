# shellcheck shell=bash
# The JSON that AWS is given, and that it is asked to compare with what it has.

# json TEXT: a JSON string. Control characters were refused with the options.
json() {
    local text=${1//\\/\\\\}
    printf '"%s"' "${text//\"/\\\"}"
}

# literal JSON: as JMESPath writes it.
# shellcheck disable=SC2016
literal() {
    printf '`%s`' "${1//\`/\\\`}"
}

# json_list COMMA-SEPARATED: a JSON list of strings in order, each once.
json_list() {
    local one list=
    while read -r one; do
        list+=",$(json "$one")"
    done <<< "$(tr , '\n' <<< "$1" | LC_ALL=C sort -u)"
    printf '[%s]' "${list#,}"
}

# Names of everything; arn SERVICE REST makes an ARN of this account and region.
arn() {
    printf 'arn:%s:%s:%s:%s:%s' "$partition" "$1" "$region" "$account" "$2"
}

# The names are those of the CDK stacks, so that docs/aws.md is right for both.
set_names() {
    prefix=$name-$stage
    function_name=$prefix-sync
    # Roles belong to the account, everything else to the region.
    role_name=$function_name-$region
    [ ${#role_name} -le 64 ] || misuse "--name is too long: the role would be $role_name"
    made_role_arn=arn:$partition:iam::$account:role/$role_name
    log_group=/aws/lambda/$function_name
    queue_name=$function_name-dead-letters
    queue_arn=$(arn sqs "$queue_name")
    topic_arn=$(arn sns "$prefix-alarms")
    function_arn=$(arn lambda "function:$function_name")
    rule_name=$prefix-nightly
    rule_arn=$(arn events "rule/$rule_name")
}

# What marks a role and a function as made by this script: nothing else is ever changed or deleted.
mark_key=rxindex:deployed-by
mark_value=deploy-lambda-manual

mark_of_role() {
    printf '%s' "mark=length(Tags[?Key=='$mark_key' && Value=='$mark_value'] || $(literal '[]'))" \
        " == $(literal 1)"
}

trust_policy() {
    echo '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",' \
        '"Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
}

# allow ACTIONS RESOURCES [CONDITION]: one statement of a policy; resources are comma-separated.
allow() {
    printf '{"Effect":"Allow","Action":%s,"Resource":%s%s}' \
        "$(json_list "$1")" "$(json_list "$2")" "${3:+,\"Condition\":$3}"
}

network_actions=ec2:AssignPrivateIpAddresses,ec2:CreateNetworkInterface
network_actions+=,ec2:DeleteNetworkInterface,ec2:DescribeNetworkInterfaces
network_actions+=,ec2:DescribeSubnets,ec2:UnassignPrivateIpAddresses

# The least that the function needs.
role_policy() {
    local secrets
    secrets=$(secret_arn "$redis_secret")
    [ -z "$database_secret" ] || secrets+=,$(secret_arn "$database_secret")
    printf '{"Version":"2012-10-17","Statement":['
    allow logs:CreateLogStream,logs:PutLogEvents "$(arn logs "log-group:$log_group:*")"
    printf ,
    allow bedrock:InvokeModel "$(model_arns)"
    printf ,
    allow secretsmanager:GetSecretValue "$secrets"
    printf ,
    if [ -n "$secrets_kms_key" ]; then
        allow kms:Decrypt "$secrets_kms_key" "$(only_for "$secrets")"
        printf ,
    fi
    if [ -n "$redis_ca_parameter" ]; then
        allow ssm:GetParameter "$(parameter_arn)"
        printf ,
    fi
    if [ "$database_auth" = iam ]; then
        allow rds-db:connect "$(arn rds-db "dbuser:$database_resource/$(database_user)")"
        printf ,
    fi
    # It goes on by invoking itself, when its time is up.
    allow lambda:InvokeFunction "$function_arn"
    printf ,
    allow sqs:SendMessage "$queue_arn"
    printf ,
    # Lambda attaches the function to the VPC with the function's role, and takes these rights only
    # for all resources; the function's own code may not use them.
    allow "$network_actions" '*'
    printf ',{"Effect":"Deny","Action":%s,"Resource":["*"],"Condition":%s}]}' \
        "$(json_list "$network_actions")" \
        "{\"ArnEquals\":{\"lambda:SourceFunctionArn\":[\"$function_arn\"]}}"
}

# only_for SECRETS: the key decrypts these secrets, for Secrets Manager, and nothing else.
only_for() {
    printf '{"StringEquals":{"kms:ViaService":"secretsmanager.%s.amazonaws.com"}' "$region"
    printf ',"StringLike":{"kms:EncryptionContext:SecretARN":%s}}' "$(json_list "$1")"
}

# EventBridge may put into the queue what it can't deliver; nobody may speak to it in the clear.
queue_policy() {
    printf '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":'
    printf '"events.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"%s",' "$queue_arn"
    printf '"Condition":{"ArnEquals":{"aws:SourceArn":"%s"}}},' "$rule_arn"
    printf '{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"%s",' "$queue_arn"
    printf '"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}'
}

queue_attributes() {
    printf '{"MessageRetentionPeriod":"%s","SqsManagedSseEnabled":"true","Policy":%s}' \
        "$queue_retention" "$(json "$(queue_policy)")"
}

# What the schedule starts, and how. The id makes two deliveries of one event known as such.
event_template='{"action":"sync","id":<id>}'
rule_target() {
    printf '{"Id":"sync","Arn":"%s","InputTransformer":{"InputPathsMap":{"id":"$.id"},' \
        "$function_arn"
    printf '"InputTemplate":%s},"RetryPolicy":{"MaximumRetryAttempts":8,' "$(json "$event_template")"
    printf '"MaximumEventAgeInSeconds":%s},"DeadLetterConfig":{"Arn":"%s"}}' \
        "$event_age" "$queue_arn"
}

database_user() {
    local user=${database_url#*://}
    printf '%s' "${user%%@*}"
}

# A secret's ARN ends in six characters that its name does not have.
secret_arn() {
    case $1 in
        arn:*) printf '%s' "$1" ;;
        *) arn secretsmanager "secret:$1-??????" ;;
    esac
}

parameter_arn() {
    case $redis_ca_parameter in
        arn:*) printf '%s' "$redis_ca_parameter" ;;
        *) arn ssm "parameter/${redis_ca_parameter#/}" ;;
    esac
}

# An inference profile hands a call on to the model behind it, in whichever region: both have to
# be allowed.
model_arns() {
    case $model_id in
        arn:*) printf '%s' "$model_id" ;;
        us.* | us-gov.* | eu.* | apac.* | jp.* | au.* | ca.* | global.*)
            arn bedrock "inference-profile/$model_id"
            printf ',arn:%s:bedrock:*::foundation-model/%s' "$partition" "${model_id#*.}"
            ;;
        *) printf 'arn:%s:bedrock:%s::foundation-model/%s' "$partition" "$region" "$model_id" ;;
    esac
}

# The function's environment. Nothing in it is secret.
variables() {
    local one list=
    for one in "RXINDEX_SOURCE=$database_url" "RXINDEX_SOURCE_CA=$source_ca" \
        "RXINDEX_DATABASE_AUTH=$database_auth" "RXINDEX_DATABASE_SECRET=$database_secret" \
        "RXINDEX_REDIS=$redis_url" "RXINDEX_REDIS_SECRET=$redis_secret" \
        "RXINDEX_REDIS_CA_PARAMETER=$redis_ca_parameter" "RXINDEX_CATALOGUE=$catalogue" \
        RXINDEX_DATA_DIR=/tmp/rxindex POWERTOOLS_SERVICE_NAME=rxindex \
        RXINDEX_EMBEDDER=titan "RXINDEX_TITAN_MODEL=$model_id" "RXINDEX_DIMENSIONS=$dimensions" \
        "RXINDEX_TITAN_REQUESTS_PER_MINUTE=$requests_per_minute" \
        "RXINDEX_METRICS_NAMESPACE=$namespace" ${further[@]+"${further[@]}"}; do
        [ -z "${one#*=}" ] || list+=",$(json "${one%%=*}"):$(json "${one#*=}")"
    done
    printf '{%s}' "${list#,}"
}

vpc_config() {
    printf '{"SubnetIds":%s,"SecurityGroupIds":%s}' \
        "$(json_list "$subnets")" "$(json_list "$security_groups")"
}

# What update-function-configuration takes.
function_configuration() {
    printf '{"FunctionName":%s,"Role":%s,"Runtime":%s,"Handler":%s,"Timeout":%s,"MemorySize":%s' \
        "$(json "$function_name")" "$(json "$role_arn")" "$(json "$runtime")" "$(json "$handler")" \
        "$timeout" "$memory"
    printf ',"Description":%s,"VpcConfig":%s,"Environment":{"Variables":%s}}' \
        "$(json "$description")" "$(vpc_config)" "$(variables)"
}

handler=rxindex.aws.sync_handler.lambda_handler
description="rxindex: keeps the search index of the drug catalogue in step"

alarm_keys="no-successful-run drugs-failed embedding-throttled quarantine-large quarantine-grows \
index-errors sync-errors sync-throttled dead-letters"

# alarm_document KEY: what put-metric-alarm takes, without the name.
alarm_document() {
    case $1 in
        no-successful-run)
            # A night without any run has no data at all.
            run_alarm "No sync has completed for 26 hours. Look at the sync function's log." \
                SyncCompleted Maximum "$(rule_of 26 26 LessThanThreshold 1 breaching)" ;;
        drugs-failed)
            run_alarm "Many drugs of a run failed. rxindex quarantine list says which and why." \
                DrugsFailed Maximum "$(reaches "$failed_drugs_threshold")" ;;
        embedding-throttled)
            run_alarm "Bedrock throttles: --requests-per-minute is more than the account's quota" \
                EmbeddingThrottles Sum "$(reaches "$throttles_threshold")" ;;
        quarantine-large)
            run_alarm "Many drugs are in quarantine. rxindex quarantine list says which and why." \
                QuarantineSize Maximum "$(reaches "$quarantine_threshold")" ;;
        quarantine-grows) growth_alarm ;;
        index-errors)
            run_alarm "Redis could not index documents. rxindex verify --repair mends them." \
                IndexErrors Maximum "$(reaches 1)" ;;
        sync-errors)
            alarm "The sync function failed. It is tried twice more; then the event is queued." \
                AWS/Lambda Errors "$(one_dimension FunctionName "$function_name")" Sum 300 \
                "$(reaches 1)" ;;
        sync-throttled)
            alarm "Lambda refused to run the sync function: the account's concurrency is used up." \
                AWS/Lambda Throttles "$(one_dimension FunctionName "$function_name")" Sum 300 \
                "$(reaches 1)" ;;
        dead-letters)
            alarm "Events could not be carried out. Read them, mend, and send them again." \
                AWS/SQS ApproximateNumberOfMessagesVisible \
                "$(one_dimension QueueName "$queue_name")" Maximum 300 "$(reaches 1)" ;;
    esac
}

# alarm DESCRIPTION NAMESPACE METRIC DIMENSIONS STATISTIC PERIOD RULE
alarm() {
    alarm_head "$1"
    printf ',"Namespace":"%s","MetricName":"%s","Dimensions":%s,"Statistic":"%s","Period":%s%s}' \
        "$2" "$3" "$4" "$5" "$6" "$7"
}

# run_alarm DESCRIPTION METRIC STATISTIC RULE: on what a run says of itself, by the hour.
run_alarm() {
    alarm "$1" "$namespace" "$2" "$(run_dimensions)" "$3" 3600 "$4"
}

# The one alarm on an expression: today's largest quarantine less yesterday's.
growth_alarm() {
    alarm_head "More drugs are in quarantine than the day before. rxindex quarantine list."
    printf ',"Metrics":[{"Id":"growth","Expression":"DIFF(size)","Label":"growth","ReturnData":true}'
    printf ',{"Id":"size","ReturnData":false,"MetricStat":{"Stat":"Maximum","Period":86400,"Metric":'
    printf '{"Namespace":"%s","MetricName":"QuarantineSize","Dimensions":%s}}}]%s}' \
        "$namespace" "$(run_dimensions)" \
        "$(rule_of 1 2 GreaterThanOrEqualToThreshold "$quarantine_growth" notBreaching)"
}

alarm_head() {
    printf '{"AlarmDescription":"%s","ActionsEnabled":true,"AlarmActions":["%s"],"OKActions":["%s"]' \
        "$1" "$topic_arn" "$topic_arn"
}

# rule_of DATAPOINTS PERIODS COMPARISON THRESHOLD MISSING
rule_of() {
    printf ',"DatapointsToAlarm":%s,"EvaluationPeriods":%s,"ComparisonOperator":"%s"' "$1" "$2" "$3"
    printf ',"Threshold":%s,"TreatMissingData":"%s"' "$4" "$5"
}

reaches() {
    rule_of 1 1 GreaterThanOrEqualToThreshold "$1" notBreaching
}

# Metrics of a run have these dimensions, here in order of their names.
run_dimensions() {
    printf '[{"Name":"catalogue","Value":"%s"},{"Name":"service","Value":"rxindex"}]' "$catalogue"
}

one_dimension() {
    printf '[{"Name":"%s","Value":"%s"}]' "$1" "$2"
}

# alarm_state KEY: JMESPath for what alarm_document tells, of the alarm as it is.
alarm_state() {
    local fields=AlarmDescription:AlarmDescription,ActionsEnabled:ActionsEnabled
    fields+=,AlarmActions:AlarmActions,OKActions:OKActions,EvaluationPeriods:EvaluationPeriods
    fields+=,DatapointsToAlarm:DatapointsToAlarm,ComparisonOperator:ComparisonOperator
    fields+=,Threshold:Threshold,TreatMissingData:TreatMissingData
    if [ "$1" = quarantine-grows ]; then
        fields+=",Metrics:[Metrics[?Id=='growth'].{Id:Id,Expression:Expression,Label:Label,ReturnData:ReturnData}"
        fields+=",Metrics[?Id=='size'].{Id:Id,ReturnData:ReturnData,MetricStat:MetricStat.{Stat:Stat,Period:Period"
        fields+=",Metric:Metric.{Namespace:Namespace,MetricName:MetricName,Dimensions:sort_by(Dimensions,&Name)}}}][]"
    else
        fields+=",Namespace:Namespace,MetricName:MetricName,Dimensions:sort_by(Dimensions,&Name)"
        fields+=",Statistic:Statistic,Period:Period"
    fi
    printf '{%s}' "$fields"
}
