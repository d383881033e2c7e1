#!/bin/sh
# Checks a folder of images in parts by GNU parallel, and joins their reports.
#
#     fleet.sh FOLDER PARTS [OPTION OF PARALLEL]...
#
# With `--sshlogin node1,node2` the parts are checked on other machines, where FOLDER is the same
# path. Ends as `check` ends.
set -eu
folder=$1
parts=$2
shift 2

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT

# Its own exit code counts the parts in which something was found. The reports tell that.
seq "$parts" | parallel --quote --results "$reports/{}" "$@" \
    image-preflight check --recursive "$folder" --shard "{}/$parts" --format json >/dev/null || true

# Each report is named: of a part that wrote none, or half of one, merge complains.
set --
for part in $(seq "$parts"); do
    set -- "$@" "$reports/$part"
done
image-preflight merge "$@"
