# shellcheck shell=bash
# Calls of the AWS CLI: what is there is asked all at once, what has to change is done one by one.

work=${work:-}
account=
partition=
caller=
reads=()
made=0
changed=0
deleted=0
same=0

# The account or the machine is not ready: says why and stops.
unready() {
    printf 'deploy-lambda-manual: %s\n' "$*" >&2
    exit 3
}

# call WORDS...: the CLI, with what it needs to behave alike in both versions.
call() {
    local words=("$@") address=${AWS_ENDPOINT_URL_SQS:-${AWS_ENDPOINT_URL:-}}
    # Version 1 sends SQS to a name of its own and forgets a configured address, for instance
    # that of an interface endpoint, unless it is told on its command line.
    if [ "$1" = sqs ] && [ -n "$address" ]; then
        words+=(--endpoint-url "$address")
    fi
    aws "${words[@]}"
}

# Finds out whom the calls are made for. Everything that AWS names by account is known then.
connect() {
    local line
    command -v aws > /dev/null ||
        unready "there is no AWS CLI: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
    export AWS_PAGER='' AWS_CLI_AUTO_PROMPT=off AWS_RETRY_MODE=${AWS_RETRY_MODE:-standard}
    region=${region:-${AWS_REGION:-${AWS_DEFAULT_REGION:-}}}
    [ -n "$region" ] || region=$(aws configure get region 2> /dev/null || true)
    [ -n "$region" ] || unready "no region: give --region, or set one with: aws configure"
    export AWS_REGION=$region AWS_DEFAULT_REGION=$region
    if ! line=$(call sts get-caller-identity --query '[Account,Arn]' --output text \
        2> "$work/connect.err"); then
        unready "no usable AWS credentials: $(last_line "$work/connect.err")"
    fi
    read -r account caller <<< "$line"
    partition=$(cut -d : -f 2 <<< "$caller")
    set_names
}

last_line() {
    grep -v '^[[:space:]]*$' "$1" | tail -n 1
}

# ask KEY ROOT LABEL=EXPRESSION... -- call WORDS...: asks in the background whether a thing is as it
# should be. The answer is null when there is no such thing, otherwise one true, false or null for
# each expression, which are JMESPath below ROOT.
ask() {
    local key=$1 query=$2 labels=() expressions=
    shift 2
    while [ "$1" != -- ]; do
        labels+=("${1%%=*}")
        expressions+=",${1#*=}"
        shift
    done
    shift
    printf '%s\n' "${labels[@]}" > "$work/$key.labels"
    reads+=("$key")
    query+=${query:+.}"[${expressions#,}]"
    {
        if "$@" --query "$query" --output json > "$work/$key.out" 2> "$work/$key.err"; then
            : > "$work/$key.done"
        fi
    } &
}

# Waits for what was asked. That something is missing is an answer; anything else ends the script.
await() {
    local key
    wait
    for key in ${reads[@]+"${reads[@]}"}; do
        [ ! -e "$work/$key.done" ] || continue
        if grep -qE '\((ResourceNotFoundException|NoSuchEntity|NotFound|QueueDoesNotExist|AWS\.SimpleQueueService\.NonExistentQueue)\)' "$work/$key.err"; then
            echo null > "$work/$key.out"
        elif grep -q 'nvalid choice' "$work/$key.err"; then
            unready "$(aws --version 2>&1 | cut -d ' ' -f 1) is too old: it does not know all of" \
                "Lambda's calls; install one of September 2024 or newer"
        else
            refused "look at the $key" "$work/$key.err"
        fi
    done
    reads=()
}

# verdict KEY: sets verdict to absent, same or differs, and differing to the labels that differ.
verdict() {
    local answer one number=0
    verdict=absent
    differing=
    [ -e "$work/$1.out" ] || return 0
    answer=$(tr -d '[] \n' < "$work/$1.out")
    [ "$answer" != null ] || return 0
    verdict=same
    while read -r one; do
        number=$((number + 1))
        if [ "$(cut -d , -f "$number" <<< "$answer")" != true ]; then
            verdict=differs
            differing+=${differing:+, }$one
        fi
    done < "$work/$1.labels"
}

# there KEY: whether it was asked for and found.
there() {
    verdict "$1"
    [ "$verdict" != absent ]
}

# field KEY LABEL: one answer, true, false or null.
field() {
    cut -d , -f "$(grep -nxF "$2" "$work/$1.labels" | cut -d : -f 1)" \
        <<< "$(tr -d '[] \n' < "$work/$1.out")"
}

# differs LABEL: whether the last verdict was different in this.
differs() {
    [[ ", $differing," == *", $1,"* ]]
}

unchanged() {
    same=$((same + 1))
    printf '  %-9s %s\n' ok "$1"
}

# announce VERB WHAT: the next calls create, change or delete something.
announce() {
    case $1 in
        create) made=$((made + 1)) ;;
        change) changed=$((changed + 1)) ;;
        delete) deleted=$((deleted + 1)) ;;
    esac
    doing="$1 $2"
    printf '  %-9s %s\n' "$1" "$2"
}

# step VERB WHAT WORDS...: the same, with the one call that does it.
step() {
    announce "$1" "$2"
    shift 2
    also "$@"
}

# also WORDS...: a call that changes something; in a dry run it is left out.
also() {
    [ -z "$dry_run" ] || return 0
    insist "$@" || refused "$doing" "$work/step.err"
}

# insist WORDS...: a call that is tried again where AWS only needs time: a new role takes some
# seconds until Lambda may use it, and a function can't be changed while it is being changed.
insist() {
    local pause
    for pause in 1 2 4 8 15 15 15 0; do
        if call "$@" > "$work/step.out" 2> "$work/step.err"; then
            return
        fi
        grep -qE 'cannot be assumed by Lambda|role does not have permissions|ResourceConflictException.*(in progress|Pending)' \
            "$work/step.err" || return 1
        [ "$pause" = 0 ] || echo "            waiting for AWS to apply the last change"
        sleep "$pause"
    done
    return 1
}

# refused WHAT FILE: says what AWS said, and what to do, and stops.
refused() {
    printf 'deploy-lambda-manual: could not %s\n  %s\n' "$1" "$(last_line "$2")" >&2
    case $(cat "$2") in
        *AccessDenied* | *UnauthorizedOperation* | *'(AuthorizationError)'*)
            echo "  $caller lacks this right; an administrator has to give it" >&2 ;;
        *ExpiredToken* | *InvalidClientTokenId*)
            echo "  The credentials are no longer valid: sign in again" >&2 ;;
        *'Could not connect'* | *'timed out'*)
            echo "  Is the region right, and AWS reachable from here?" >&2 ;;
    esac
    echo "  What was done so far stays done; run this again when that is put right" >&2
    exit 4
}

heading() {
    echo "$prefix in $region, account $account${dry_run:+ (dry run: nothing is changed)}:"
}

# summary NOTHING: what came of it, or that nothing did.
summary() {
    local outcome=
    outcome+=$(count "$made" created "to create")$(count "$changed" changed "to change")
    outcome+=$(count "$deleted" deleted "to delete")
    if [ -n "$outcome" ]; then
        outcome+=$(count "$same" unchanged unchanged)
    else
        outcome=", $1"
    fi
    echo "$prefix in $region: ${outcome#, }"
}

count() {
    local word=$2
    [ -z "$dry_run" ] || word=$3
    [ "$1" = 0 ] || printf ', %s %s' "$1" "$word"
}
