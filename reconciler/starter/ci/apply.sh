#!/bin/sh
# Apply one environment and keep its state in git, also when apply ends early: what the state forgets is sent again.
# Usage: BRANCH=main [REMOTE=origin] sh apply.sh ENV [OPTION OF APPLY]...
set -eu
environment=$1
shift
remote=${REMOTE:-origin}

# Another run may have written a state since this one was queued: apply what the branch holds now.
git fetch --quiet "$remote" "$BRANCH"
git merge --quiet --ff-only FETCH_HEAD

status=0
reconciler apply -e "$environment" --yes "$@" || status=$?

if [ -d state ]; then git add state; fi
if ! git diff --cached --quiet; then
  git -c user.name=reconciler -c user.email=reconciler@localhost commit --quiet -m "Record what was done in $environment"
  git -c user.name=reconciler -c user.email=reconciler@localhost pull --quiet --rebase "$remote" "$BRANCH"
  git push --quiet "$remote" "HEAD:refs/heads/$BRANCH"
fi
exit "$status"
