#!/usr/bin/env bash
# Checks a pull request with any CI: validate, plan, one comment that is kept up to date, and an exit code for the job.
#
#   recipe.sh PATH [more arguments of `reconciler plan`]
#
# PLAN_COMMAND   the command; reconciler, unless it is said otherwise
# PLAN_OFFLINE   a recording of `reconciler observe`: plan against it, without any credential (for a fork's pull request)
# PLAN_COMMENT   true: comment on the pull request. GitHub's and GitLab's own variables tell which; the token is
#                RECONCILER_COMMENT_TOKEN, GITHUB_TOKEN or GITLAB_TOKEN
# PLAN_CONTEXT   one comment for each of these; default
# PLAN_BLOCKED   pass: something that is blocked doesn't fail the job
# PLAN_REPORTS   a folder for plan.json, plan.md, failed.txt and gl-code-quality-report.json; a temporary one otherwise
#
# Where the plan comes from is told as for every command: RECONCILER_SERVER and RECONCILER_SERVER_TOKEN (a daemon and its
# plan-only token), or RECONCILER_URL, credentials and state.
# Ends with 0 where nothing stands in the way, 3 where something is blocked, 1 where there is no plan.
set -euo pipefail
export RECONCILER_CACHE=off # what one pull request's job leaves on a machine is nothing for another to believe

tree=${1:?the path of the desired state is missing}
shift
read -ra reconciler <<<"${PLAN_COMMAND:-reconciler}"
context=${PLAN_CONTEXT:-default}
reports=${PLAN_REPORTS:-}
if [[ -z $reports ]]; then
    reports=$(mktemp -d)
    trap 'rm -rf "$reports"' EXIT
fi
mkdir -p "$reports"
rm -f "$reports"/{plan.json,plan.md,errors.txt,failed.txt}

style=text
checked=$reports/validate.txt
plan=(plan "$tree" --detailed-exitcode -o markdown --out "$reports/plan.json")
if [[ ${GITHUB_ACTIONS:-} == true ]]; then
    style=github
    plan+=(--annotations github)
elif [[ ${GITLAB_CI:-} == true ]]; then
    style=gitlab
    checked=$reports/gl-code-quality-report.json
fi
if [[ -n ${PLAN_OFFLINE:-} ]]; then
    plan+=(--offline "$PLAN_OFFLINE" --server '')
fi

show() {  # FILE: what strangers may have written, where GitHub's runner would obey lines that begin with ::
    local pause=
    if [[ $style == github ]]; then
        pause=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
        echo "::stop-commands::$pause"
    fi
    cat "$1"
    [[ -z $pause ]] || printf '\n::%s::\n' "$pause"
}

code=0
"${reconciler[@]}" validate "$tree" -o "$style" >"$checked" 2>"$reports/errors.txt" || code=$?
[[ $style == gitlab ]] || cat "$checked"
if [[ $code -eq 0 ]]; then
    "${reconciler[@]}" "${plan[@]}" "$@" >"$reports/plan.md" 2>"$reports/errors.txt" || code=$?
    show "$reports/plan.md"
fi
grep '^::error file=' "$reports/errors.txt" || true
grep -v '^::error file=' "$reports/errors.txt" >"$reports/failed.txt" || true
if [[ $style == github ]]; then show "$reports/failed.txt"; else cat "$reports/failed.txt" >&2; fi

body=(--context "$context")
[[ ! -s $reports/plan.json ]] || body+=("$reports/plan.json")
[[ $code -ne 1 ]] || body+=(--failed "$reports/failed.txt")

if [[ -n ${GITHUB_STEP_SUMMARY:-} ]]; then
    "${reconciler[@]}" comment "${body[@]}" --print >>"$GITHUB_STEP_SUMMARY" || echo "there is no summary" >&2
fi
if [[ ${PLAN_COMMENT:-} == true ]] && ! "${reconciler[@]}" comment "${body[@]}"; then
    [[ $style != github ]] || echo "::warning title=reconciler::the plan could not be put into the pull request"
fi
if [[ -n ${GITHUB_OUTPUT:-} ]]; then
    echo "code=$code" >>"$GITHUB_OUTPUT"
fi

case $code in
    0 | 2) exit 0 ;;
    3) if [[ ${PLAN_BLOCKED:-} == pass ]]; then exit 0; else exit 3; fi ;;
    *) exit "$code" ;;
esac
