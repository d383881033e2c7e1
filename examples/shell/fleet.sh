#!/bin/sh
# Checks a folder of images in parts, one process a part, and joins their reports.
#
#     fleet.sh FOLDER PARTS
#
# On one machine `image-preflight check --recursive FOLDER` does as much by itself. This is the shape
# for several: put what reaches the K-th one before the call (`ssh "node$part"`), where FOLDER is the
# same path. Ends as `check` ends.
set -eu
folder=$1
parts=$2

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT

set --
for part in $(seq "$parts"); do
    image-preflight check --recursive "$folder" --shard "$part/$parts" --format json \
        >"$reports/$part.json" &
    set -- "$@" "$reports/$part.json"
done
wait

# Each report is named: of a part that wrote none, or half of one, merge complains.
image-preflight merge "$@"
