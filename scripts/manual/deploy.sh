# shellcheck shell=bash
# Makes everything as it should be: first asks for all that is there, then changes what differs.

# Lambda's own answer to a failure of an asynchronous call: so many further tries, of an event of
# at most this age in seconds. What fails then goes to the queue, which keeps it for 14 days.
retries=2
event_age=21600
queue_retention=1209600
# The name of the schedule's right to call the function.
statement=nightly

deploy_all() {
    look
    guard
    heading
    deploy_log_group
    deploy_queue
    deploy_topic
    deploy_role
    deploy_function
    deploy_schedule
    deploy_alarms
    summary "nothing to do"
    if [ "$verdict_of_function" = absent ] && [ -z "$dry_run" ]; then
        next_steps
    fi
}

# Asks for all at once, since a call of the CLI takes half a second, nearly all of it its start;
# then for what is part of something, where that is there.
look() {
    [ -n "$role_arn" ] || look_at_role
    : "${role_arn:=$made_role_arn}"
    look_at_function
    look_at_channels
    ask rule '' "schedule=ScheduleExpression == '$schedule'" "state=State == '$schedule_state'" \
        -- call events describe-rule --name "$rule_name"
    look_at_alarms
    await
    ! there role || look_at_rights
    ! there function || look_at_calls
    if there topic && [ -n "$email" ]; then
        ask subscription '' "email=contains(Subscriptions[].Endpoint, '$email')" \
            -- call sns list-subscriptions-by-topic --topic-arn "$topic_arn"
    fi
    if there rule; then
        ask target "Targets[?Id=='sync'] | [0]" \
            "$(same_target)" \
            -- call events list-targets-by-rule --rule "$rule_name"
    fi
    await
}

same_target() {
    local fields=Id:Id,Arn:Arn,InputTransformer:InputTransformer,RetryPolicy:RetryPolicy
    printf '%s' "settings={$fields,DeadLetterConfig:DeadLetterConfig} == $(literal "$(rule_target)")"
}

look_at_role() {
    ask role Role \
        "$(mark_of_role)" \
        "trust=AssumeRolePolicyDocument == $(literal "$(trust_policy)")" \
        "boundary=(PermissionsBoundary.PermissionsBoundaryArn || '') == '$permissions_boundary'" \
        -- call iam get-role --role-name "$role_name"
}

look_at_rights() {
    ask policy '' "rights=PolicyDocument == $(literal "$(role_policy)")" \
        -- call iam get-role-policy --role-name "$role_name" --policy-name rxindex
}

look_at_function() {
    local network=Configuration.VpcConfig none
    none=$(literal '[]')
    ask function '' \
        "mark=Tags.\"$mark_key\" == '$mark_value'" \
        "code=Configuration.CodeSha256 == '$zip_base64'" \
        "architecture=Configuration.Architectures == $(literal "[\"$architecture\"]")" \
        "role=Configuration.Role == '$role_arn'" \
        "runtime=Configuration.Runtime == '$runtime'" \
        "handler=Configuration.Handler == '$handler'" \
        "description=Configuration.Description == '$description'" \
        "timeout=Configuration.Timeout == $(literal "$timeout")" \
        "memory=Configuration.MemorySize == $(literal "$memory")" \
        "subnets=sort($network.SubnetIds || $none) == $(literal "$(json_list "$subnets")")" \
        "security groups=sort($network.SecurityGroupIds || $none) == $(literal "$(json_list "$security_groups")")" \
        "settings=Configuration.Environment.Variables == $(literal "$(variables)")" \
        -- call lambda get-function --function-name "$function_name"
    ask recursion '' "allowed=RecursiveLoop == 'Allow'" \
        -- call lambda get-function-recursion-config --function-name "$function_name"
}

# How the function may be called.
look_at_calls() {
    ask invocation '' \
        "retries=MaximumRetryAttempts == $(literal "$retries")" \
        "age=MaximumEventAgeInSeconds == $(literal "$event_age")" \
        "dead letters=DestinationConfig.OnFailure.Destination == '$queue_arn'" \
        -- call lambda get-function-event-invoke-config --function-name "$function_name"
    ask permission '' "statement=contains(Policy, '\"$statement\"')" "rule=contains(Policy, '\"$rule_arn\"')" \
        -- call lambda get-policy --function-name "$function_name"
}

look_at_channels() {
    ask log-group "logGroups[?logGroupName=='$log_group'] | [0]" \
        "retention=retentionInDays == $(literal "$log_days")" \
        "key=(kmsKeyId || '') == '$kms_key'" \
        -- call logs describe-log-groups --log-group-name-prefix "$log_group"
    ask queue Attributes \
        "retention=MessageRetentionPeriod == '$queue_retention'" \
        "encryption=SqsManagedSseEnabled == 'true'" \
        "policy=contains(Policy || '', '$rule_arn') && contains(Policy, 'aws:SecureTransport')" \
        -- ask_queue
    ask topic Attributes "key=(KmsMasterKeyId || '') == '$kms_key'" \
        -- call sns get-topic-attributes --topic-arn "$topic_arn"
}

ask_queue() {
    local url
    url=$(call sqs get-queue-url --queue-name "$queue_name" --query QueueUrl --output text) || return
    printf '%s' "$url" > "$work/queue.url"
    call sqs get-queue-attributes --queue-url "$url" --attribute-names All "$@"
}

look_at_alarms() {
    local key names=() expressions=()
    for key in $alarm_keys; do
        names+=("$prefix-$key")
        # Null without such an alarm, otherwise whether it is as it should be.
        expressions+=("$key=MetricAlarms[?AlarmName=='$prefix-$key'] | ([0] && [0].$(alarm_state "$key") == $(literal "$(alarm_document "$key")"))")
    done
    ask alarms '' "${expressions[@]}" -- call cloudwatch describe-alarms --alarm-names "${names[@]}"
}

# Nothing that this script did not make is changed or deleted, even if it has the same name.
guard() {
    local key what
    for key in role function; do
        [ -e "$work/$key.done" ] || continue
        case $key in
            role) what=$role_name ;;
            function) what=$function_name ;;
        esac
        if [ "$(field "$key" mark)" != true ]; then
            misuse "there is a $key $what that was not made by this script: choose another --name," \
                "or tag it $mark_key=$mark_value to hand it over"
        fi
    done
}

deploy_log_group() {
    verdict log-group
    case $verdict in
        absent)
            step create "log group $log_group" logs create-log-group \
                --log-group-name "$log_group" ${kms_key:+--kms-key-id "$kms_key"}
            also logs put-retention-policy --log-group-name "$log_group" \
                --retention-in-days "$log_days"
            ;;
        differs)
            if differs retention; then
                step change "log group $log_group: retention" logs put-retention-policy \
                    --log-group-name "$log_group" --retention-in-days "$log_days"
            fi
            differs key || return 0
            if [ -n "$kms_key" ]; then
                step change "log group $log_group: key" logs associate-kms-key \
                    --log-group-name "$log_group" --kms-key-id "$kms_key"
            else
                step change "log group $log_group: key" logs disassociate-kms-key \
                    --log-group-name "$log_group"
            fi
            ;;
        *) unchanged "log group $log_group" ;;
    esac
}

deploy_queue() {
    verdict queue
    case $verdict in
        absent)
            step create "queue $queue_name" sqs create-queue \
                --queue-name "$queue_name" --attributes "$(queue_attributes)"
            ;;
        differs)
            step change "queue $queue_name: $differing" sqs set-queue-attributes \
                --queue-url "$(cat "$work/queue.url")" --attributes "$(queue_attributes)"
            ;;
        *) unchanged "queue $queue_name" ;;
    esac
}

deploy_topic() {
    local topic=${topic_arn##*:}
    verdict topic
    case $verdict in
        absent)
            step create "topic $topic" sns create-topic --name "$topic" \
                ${kms_key:+--attributes "KmsMasterKeyId=$kms_key"}
            ;;
        differs)
            step change "topic $topic: key" sns set-topic-attributes --topic-arn "$topic_arn" \
                --attribute-name KmsMasterKeyId --attribute-value "$kms_key"
            ;;
        *) unchanged "topic $topic" ;;
    esac
    [ -n "$email" ] || return 0
    verdict subscription
    if [ "$verdict" = same ]; then
        unchanged "subscription of $email"
    else
        step create "subscription of $email" sns subscribe --topic-arn "$topic_arn" \
            --protocol email --notification-endpoint "$email"
    fi
}

deploy_role() {
    [ "$role_arn" = "$made_role_arn" ] || return 0
    verdict role
    case $verdict in
        absent)
            step create "role $role_name" iam create-role --role-name "$role_name" \
                --description "$description" --assume-role-policy-document "$(trust_policy)" \
                --tags "Key=$mark_key,Value=$mark_value" \
                ${permissions_boundary:+--permissions-boundary "$permissions_boundary"}
            ;;
        differs) change_role ;;
        *) unchanged "role $role_name" ;;
    esac
    verdict policy
    case $verdict in
        absent) put_policy create ;;
        differs) put_policy change ;;
        *) unchanged "rights of role $role_name" ;;
    esac
}

change_role() {
    if differs trust; then
        step change "role $role_name: trust" iam update-assume-role-policy \
            --role-name "$role_name" --policy-document "$(trust_policy)"
    fi
    differs boundary || return 0
    if [ -n "$permissions_boundary" ]; then
        step change "role $role_name: boundary" iam put-role-permissions-boundary \
            --role-name "$role_name" --permissions-boundary "$permissions_boundary"
    else
        step change "role $role_name: boundary" iam delete-role-permissions-boundary \
            --role-name "$role_name"
    fi
}

put_policy() {
    step "$1" "rights of role $role_name" iam put-role-policy --role-name "$role_name" \
        --policy-name rxindex --policy-document "$(role_policy)"
}

deploy_function() {
    local code=(--zip-file "fileb://$zip")
    verdict function
    verdict_of_function=$verdict
    if [ "$verdict" = absent ] || differs code || differs architecture; then
        upload
    fi
    case $verdict in
        absent) create_function ;;
        differs) change_function ;;
        *) unchanged "function $function_name" ;;
    esac
    deploy_invocation
}

# A zip that is too large for the call itself goes by way of S3, under the name of its content.
upload() {
    local key=rxindex-lambda/$prefix/$zip_hex.zip
    [ -n "$bucket" ] || return 0
    code=(--s3-bucket "$bucket" --s3-key "$key")
    step create "object s3://$bucket/$key" s3api put-object --bucket "$bucket" --key "$key" \
        --body "$zip" --expected-bucket-owner "$account"
}

create_function() {
    function_configuration > "$work/function.json"
    # create-function calls its code otherwise than update-function-code does.
    if [ -n "$bucket" ]; then
        code=(--code "S3Bucket=${code[1]},S3Key=${code[3]}")
    fi
    step create "function $function_name" lambda create-function \
        --cli-input-json "file://$work/function.json" "${code[@]}" --architectures "$architecture" \
        --tags "{\"$mark_key\":\"$mark_value\"}"
    also lambda wait function-active-v2 --function-name "$function_name"
}

change_function() {
    local parts=$differing
    if differs code || differs architecture; then
        step change "function $function_name: code" lambda update-function-code \
            --function-name "$function_name" "${code[@]}" --architectures "$architecture"
        also lambda wait function-updated-v2 --function-name "$function_name"
    fi
    parts=$(tr , '\n' <<< "$parts" | sed 's/^ //' | grep -vxE 'code|architecture' | paste -sd , -) ||
        return 0
    function_configuration > "$work/function.json"
    step change "function $function_name: ${parts//,/, }" lambda update-function-configuration \
        --cli-input-json "file://$work/function.json"
    also lambda wait function-updated-v2 --function-name "$function_name"
}

deploy_invocation() {
    verdict invocation
    case $verdict in
        absent) put_invocation create "" ;;
        differs) put_invocation change ": $differing" ;;
        *) unchanged "retries of $function_name" ;;
    esac
    verdict recursion
    case $verdict in
        absent) allow_recursion create ;;
        differs) allow_recursion change ;;
        *) unchanged "recursion of $function_name" ;;
    esac
}

put_invocation() {
    step "$1" "retries of $function_name$2" lambda put-function-event-invoke-config \
        --function-name "$function_name" --maximum-retry-attempts "$retries" \
        --maximum-event-age-in-seconds "$event_age" \
        --destination-config "{\"OnFailure\":{\"Destination\":\"$queue_arn\"}}"
}

# A long run goes on by invoking itself, with a guard of its own; Lambda's would stop it after about
# 16 times.
allow_recursion() {
    step "$1" "recursion of $function_name: allowed" lambda put-function-recursion-config \
        --function-name "$function_name" --recursive-loop Allow
}

deploy_schedule() {
    verdict rule
    case $verdict in
        absent) put_rule create "" ;;
        differs) put_rule change ": $differing" ;;
        *) unchanged "schedule $rule_name" ;;
    esac
    verdict permission
    if [ "$verdict" = same ]; then
        unchanged "right of the schedule"
    else
        if [ "$verdict" = differs ] && ! differs statement; then
            announce change "right of the schedule"
            also lambda remove-permission --function-name "$function_name" --statement-id "$statement"
        else
            announce create "right of the schedule"
        fi
        also lambda add-permission --function-name "$function_name" --statement-id "$statement" \
            --action lambda:InvokeFunction --principal events.amazonaws.com \
            --source-arn "$rule_arn"
    fi
    verdict target
    case $verdict in
        absent) put_target create "" ;;
        differs) put_target change ": $differing" ;;
        *) unchanged "target of the schedule" ;;
    esac
}

put_rule() {
    step "$1" "schedule $rule_name$2" events put-rule --name "$rule_name" \
        --schedule-expression "$schedule" --state "$schedule_state" --description "$description"
}

put_target() {
    step "$1" "target of the schedule$2" events put-targets --rule "$rule_name" \
        --targets "[$(rule_target)]"
}

deploy_alarms() {
    local key verb document
    for key in $alarm_keys; do
        case $(field alarms "$key") in
            true)
                unchanged "alarm $prefix-$key"
                continue
                ;;
            null) verb=create ;;
            *) verb=change ;;
        esac
        document=$(alarm_document "$key")
        step "$verb" "alarm $prefix-$key" cloudwatch put-metric-alarm \
            --cli-input-json "{\"AlarmName\":\"$prefix-$key\",${document#\{}"
    done
}

next_steps() {
    local invoke="aws lambda invoke --region $region --function-name $function_name"
    # Version 2 wants to be told that the payload is not base64.
    [[ $(aws --version 2>&1) == aws-cli/1.* ]] || invoke+=" --cli-binary-format raw-in-base64-out"
    [ -z "$email" ] || echo "AWS sent $email a mail: alarms come only after its link was followed."
    echo "To see what is indexed: $invoke --payload '{\"action\":\"status\"}' answer.json"
    echo "To begin the first load: $invoke --invocation-type Event --payload '{\"action\":\"sync\"}' answer.json"
}
