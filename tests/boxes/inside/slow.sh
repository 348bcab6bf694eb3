#!/bin/sh
# A job that takes 3 seconds to end, notes its starts and its orderly ends, and shows what it was given.
trap 'sleep 3; echo "$$" >>/var/tmp/slow.ended; exit' TERM
env >/var/tmp/slow.env
echo "$$" >>/var/tmp/slow.started
while :; do
  sleep 1000 &
  wait "$!"
done
