#!/bin/sh
# Copies the SQLite database into a folder, once a day, and keeps the newest seven of these copies:
#
#   deploy/backup.sh FOLDER                makes the copy of today, unless it is there
#   deploy/backup.sh FOLDER --every-day    goes on doing so
#
# tagfeed-backup.service runs the first, the service backup of compose.yaml the second.
set -eu

KEPT=7
folder=$(cd "${1:?give the folder for the copies}" && pwd)
cd "$(dirname "$0")/.."

back_up() {
  copy="$folder/tagfeed-$(date -u +%F).db"
  if [ -e "$copy" ]; then
    return 0
  fi
  # What a copy that was killed has left.
  rm -f "$folder"/.tagfeed-*.partial-*
  # A copy that fails is no reason to remove an older one.
  node scripts/backup.ts "$copy" || return 1
  ls "$folder" | grep -x 'tagfeed-[0-9-]*\.db' | sort -r | tail -n +$((KEPT + 1)) |
    while read -r name; do rm "$folder/$name"; done
}

if [ "${2:-}" != --every-day ]; then
  back_up
  exit
fi
while true; do
  back_up || echo "no copy was made: the next attempt is in an hour" >&2
  sleep 3600
done
