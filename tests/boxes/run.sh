#!/bin/sh
# Runs every check of this directory, tells which were skipped and why, and fails when one failed.
# With arguments only those: check-systemd.sh and so on. A check may also skip a part of itself, and tells so in a
# line of its own. With BOXES_MUST_RUN=yes whatever was skipped is a failure.
set -u
cd "$(dirname "$0")" || exit 1
[ $# -gt 0 ] || set -- check-*.sh
# In a directory of its own, so that what a check says can be shown as it comes and be looked at afterwards.
notes=$(mktemp -d "${TMPDIR:-/tmp}/pmtr-boxes.XXXXXX") || exit 1
trap 'rm -rf "$notes"' EXIT
trap 'exit 130' INT TERM HUP
failed='' skipped=0
: >"$notes/skipped"
for check; do
  echo "== $check"
  { sh "./$check" 2>&1; echo $? >"$notes/status"; } | tee "$notes/said"
  status=$(cat "$notes/status")
  case $status in
    0) grep 'skipped: ' "$notes/said" | sed "s/^/$check: a part was /" >>"$notes/skipped" ;;
    77)
      skipped=$((skipped + 1))
      echo "$check: $(grep 'skipped: ' "$notes/said" || echo 'skipped: without a reason')" >>"$notes/skipped"
      ;;
    *) failed="$failed $check" ;;
  esac
done
cat "$notes/skipped"
if [ -n "$failed" ]; then
  echo "make check-boxes: failed:$failed" >&2
  exit 1
fi
if [ -s "$notes/skipped" ] && [ "${BOXES_MUST_RUN:-no}" = yes ]; then
  echo "make check-boxes: nothing was to be skipped here" >&2
  exit 1
fi
echo "make check-boxes: $(($# - skipped)) checks are well, $skipped were skipped"
