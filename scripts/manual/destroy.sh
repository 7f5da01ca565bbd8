# shellcheck shell=bash
# Deletes what deploy.sh made, and nothing else. Zips in a bucket stay: other stages may use them.

destroy_all() {
    local answer
    look_for_parts
    guard
    if [ -z "$(parts)" ]; then
        summary "nothing to delete"
        return
    fi
    heading
    if [ -z "$dry_run$yes" ]; then
        parts | sed 's/^/  /'
        if ! [ -t 0 ]; then
            echo "deploy-lambda-manual: not confirmed: nothing was deleted; give --yes" >&2
            exit 5
        fi
        read -r -p "Type $prefix to delete all of this: " answer
        if [ "$answer" != "$prefix" ]; then
            echo "deploy-lambda-manual: not confirmed: nothing was deleted" >&2
            exit 5
        fi
    fi
    delete_parts
    summary "nothing to delete"
}

look_for_parts() {
    local key names=() expressions=()
    ask function '' "mark=Tags.\"$mark_key\" == '$mark_value'" \
        -- call lambda get-function --function-name "$function_name"
    ask role Role "$(mark_of_role)" -- call iam get-role --role-name "$role_name"
    ask rule '' "there=Name != $(literal null)" -- call events describe-rule --name "$rule_name"
    ask topic Attributes "there=TopicArn == '$topic_arn'" \
        -- call sns get-topic-attributes --topic-arn "$topic_arn"
    ask queue Attributes "empty=ApproximateNumberOfMessages == '0'" -- ask_queue
    [ -n "$keep_logs" ] ||
        ask log-group "logGroups[?logGroupName=='$log_group'] | [0]" \
            "there=logGroupName == '$log_group'" \
            -- call logs describe-log-groups --log-group-name-prefix "$log_group"
    for key in $alarm_keys; do
        names+=("$prefix-$key")
        expressions+=("$key=contains(MetricAlarms[].AlarmName, '$prefix-$key')")
    done
    ask alarms '' "${expressions[@]}" -- call cloudwatch describe-alarms --alarm-names "${names[@]}"
    await
    if there role; then
        ask policy '' "there=PolicyName != $(literal null)" \
            -- call iam get-role-policy --role-name "$role_name" --policy-name rxindex
    fi
    if there rule; then
        ask target "Targets[?Id=='sync'] | [0]" "there=Id == 'sync'" \
            -- call events list-targets-by-rule --rule "$rule_name"
    fi
    await
}

alarms_there() {
    local key
    for key in $alarm_keys; do
        [ "$(field alarms "$key")" != true ] || printf '%s\n' "$prefix-$key"
    done
}

# What there is, one a line.
parts() {
    ! there rule || echo "schedule $rule_name"
    ! there function || echo "function $function_name"
    ! there role || echo "role $role_name"
    alarms_there | sed 's/^/alarm /'
    ! there topic || echo "topic ${topic_arn##*:}"
    if there queue; then
        [ "$verdict" = same ] && echo "queue $queue_name" || echo "queue $queue_name, with messages"
    fi
    ! there log-group || echo "log group $log_group"
}

# The schedule goes first, so that nothing starts a run, and the role after the function, which
# needs it until its end.
delete_parts() {
    local alarms
    if there rule; then
        announce delete "schedule $rule_name"
        ! there target || also events remove-targets --rule "$rule_name" --ids sync
        also events delete-rule --name "$rule_name"
    fi
    if there function; then
        step delete "function $function_name" lambda delete-function --function-name "$function_name"
    fi
    if there role; then
        announce delete "role $role_name"
        ! there policy || also iam delete-role-policy --role-name "$role_name" --policy-name rxindex
        also iam delete-role --role-name "$role_name"
    fi
    alarms=$(alarms_there)
    if [ -n "$alarms" ]; then
        # shellcheck disable=SC2086
        step delete "alarms" cloudwatch delete-alarms --alarm-names $alarms
    fi
    if there topic; then
        step delete "topic ${topic_arn##*:}" sns delete-topic --topic-arn "$topic_arn"
    fi
    if there queue; then
        step delete "queue $queue_name" sqs delete-queue --queue-url "$(cat "$work/queue.url")"
    fi
    if there log-group; then
        step delete "log group $log_group" logs delete-log-group --log-group-name "$log_group"
    fi
}
