say() { printf '%s\n' "$*" >&2 || :; }
die() { say "$0: $*"; exit 1; }

RULE='' WORK='' LEFT=0 DELIVERED=''
# @begin@
begin() { RULE=$1; say "== $1"; }
# @left_out@
left_out() { LEFT=$((LEFT + 1)); say "   @left_out_word@: $*"; }

# @leave@
leave() {
    status=$?
    trap '' HUP INT TERM PIPE
    trap - EXIT
    set +e
    if release; then
        [ -z "$WORK" ] || rm -rf --one-file-system "$WORK"
    else
        say "@still_held@: $WORK"
    fi
    if [ -z "$DELIVERED" ]; then
        case $status in 0 | 3) status=1 ;; esac
        say "@failed@${RULE:+ ($RULE)}"
    fi
    exit "$status"
}

# @start@
start() {
    # @colon@
    case $IMAGE in /*) ;; *) IMAGE=./$IMAGE ;; esac
    case $OUTPUT in /*) ;; *) OUTPUT=./$OUTPUT ;; esac
    for tool in qemu-img mktemp stat "$@"; do
        command -v "$tool" >/dev/null || die "@missing@: $tool"
    done
    [ -f "$IMAGE" ] || [ -b "$IMAGE" ] || die "@no_image@: $IMAGE"
    if [ -e "$OUTPUT" ] || [ -L "$OUTPUT" ]; then die "@exists@: $OUTPUT"; fi
    [ ! -f "$IMAGE" ] || [ "$(stat -L -c %s "$IMAGE")" = "$SIZE" ] ||
        die "@other_image@: $IMAGE"
    WORK=$(mktemp -d "${OUTPUT%/*}/work.XXXXXX")
    trap leave EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 141' PIPE
    trap 'exit 143' TERM
    SOURCE=$IMAGE
}

# @deliver@
deliver() {
    chown --reference="$IMAGE" "$1" 2>/dev/null || :
    chmod --reference="$IMAGE" "$1" 2>/dev/null || :
    trap '' HUP INT TERM PIPE
    mv -nT "$1" "$OUTPUT" || :
    [ ! -e "$1" ] || die "@exists@: $OUTPUT"
    DELIVERED=yes
    say "@done@: $OUTPUT"
    [ "$LEFT" = 0 ] || say "@some_left@: $LEFT"
    [ -z "$BROKEN" ] || say "@broken@: $BROKEN"
    [ "$UNDECIDED" = 0 ] || say "@undecided@: $UNDECIDED"
    say "@again@"
    [ "$LEFT$BROKEN$UNDECIDED" = 00 ] || exit 3
}
