ROOT='' DISK='' DEVICE='' LOOPS='' GROUP='' MOUNTED='' CHILD=''

# @release@
release() {
    if [ -n "$CHILD" ]; then
        kill -KILL "$CHILD" 2>/dev/null || :
        wait "$CHILD" 2>/dev/null || :
    fi
    CHILD=''
    if [ -n "$MOUNTED" ]; then
        for point in "$WORK/log" "$ROOT"; do
            ! mountpoint -q "$point" || again umount --recursive "$point" || return 1
        done
    fi
    MOUNTED=''
    for group in $GROUP; do again on_copy vgchange -an "$group" || return 1; done
    GROUP=''
    [ -z "$DISK" ] || again detached || return 1
    LOOPS=''
}
again() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        # Another process's mount namespace may hold a copy of the mount for a while.
        [ "$tries" -lt 60 ] || return 1
        sleep 1
    done
}
detached() {
    for device in $(losetup -n -O NAME -j "$DISK"); do losetup --detach "$device" || :; done
    [ -z "$(losetup -n -O NAME -j "$DISK")" ]
}

# @part@
part() {
    DEVICE=$(losetup --nooverlap --find --show --offset "$1" --sizelimit "$2" "$DISK")
    case " $LOOPS " in *" $DEVICE "*) ;; *) LOOPS="$LOOPS $DEVICE" ;; esac
}

# @group@
on_copy() {
    # shellcheck disable=SC2086
    accept=$(printf '"a|^%s$|", ' $LOOPS)'"r|.*|"' tool=$1
    shift
    LVM_SUPPRESS_FD_WARNINGS=1 "$tool" --config "
        devices { use_devicesfile=0 filter=[ $accept ] global_filter=[ $accept ] }
        activation { udev_sync=0 udev_rules=0 }" "$@"
}
# @ours@
ours() {
    below=''
    for under in $(lsblk -nsro KNAME,TYPE "$1" | sed '/ lvm$/d; s/ .*//'); do
        case " $LOOPS " in *" /dev/$under "*) below=yes ;; *) return 1 ;; esac
    done
    [ -n "$below" ]
}
activate() {
    id=$(on_copy vgs --noheadings -o vg_uuid "$1" | tr -d ' -')
    [ -n "$id" ] || die "@no_group@: $1"
    for uuid in /sys/block/dm-*/dm/uuid; do
        [ -e "$uuid" ] || continue
        device=${uuid#/sys/block/}
        case $(cat "$uuid") in
        "LVM-$id"*) ours "/dev/${device%%/*}" || die "@not_ours@: $1" ;;
        esac
    done
    GROUP="$GROUP $1"
    on_copy vgchange -ay "$1" && on_copy vgmknodes "$1" || die "@no_group@: $1"
}
logical() {
    DEVICE=$1
    ours "$DEVICE" || die "@not_ours@: $DEVICE"
}

# @mount_on@
mount_on() {
    point "$1"
    options=nodev,nosuid$3
    case $2 in ext2 | ext3 | ext4) options=$options,errors=remount-ro ;; esac
    MOUNTED=yes
    mount -t "$2" -o "$options" "$DEVICE" "$HERE"
}
bind() {
    inside "$1"
    from=$HERE
    point "$2"
    mount --bind "$from" "$HERE"
}
point() {
    inside "$1"
    mkdir -p "$HERE"
    [ "$(cd -P "$HERE" && pwd -P)" = "$(cd -P "$ROOT" && pwd -P)${HERE#"$ROOT"}" ] ||
        die "@odd_link@: $1"
}

# @check@
check() {
    found=0
    case $1 in
    ext2 | ext3 | ext4) e2fsck -f -y "$DEVICE" || found=$?; [ "$found" -lt 4 ] ;;
    vfat) fsck.vfat -a -w "$DEVICE" || found=$?; [ "$found" -lt 2 ] ;;
    xfs)
        # @xfs@
        mkdir -p "$WORK/log"
        MOUNTED=yes
        mount -t xfs -o nodev,nosuid,nouuid "$DEVICE" "$WORK/log" && umount "$WORK/log"
        xfs_repair "$DEVICE"
        ;;
    *) : ;;
    esac || left_out "@check_failed@: $1"
}

# @inside@
inside() {
    left=$1 HERE=$ROOT links=0
    while [ -n "$left" ]; do
        step=${left%%/*}
        case $left in */*) left=${left#*/} ;; *) left='' ;; esac
        case $step in
        '' | .) continue ;;
        ..)
            [ "$HERE" = "$ROOT" ] || HERE=${HERE%/*}
            continue
            ;;
        esac
        if [ -L "$HERE/$step" ]; then
            links=$((links + 1))
            [ "$links" -le 40 ] || die "@links@: $1"
            target=$(readlink "$HERE/$step" && echo .)
            target=${target%??}
            case $target in
            *'
'*) die "@odd_link@: $1" ;;
            /*) HERE=$ROOT ;;
            esac
            left=$target/$left
        else
            HERE=$HERE/$step
        fi
    done
}

# @file@
file() {
    inside "$1"
    FILE=$HERE
    if [ ! -e "$FILE" ]; then left_out "@not_there@: $1"; return 1; fi
    opens "$1"
}
new() {
    inside "$1"
    FILE=$HERE
    mkdir -p "${FILE%/*}" || :
    opens "$1"
}
opens() {
    if [ -f "$FILE" ] || [ ! -e "$FILE" ]; then
        if (: <>"$FILE"); then return; fi
    fi
    left_out "@no_file@: $1"
    return 1
}

# @entry@
entry() {
    case ${1##*/} in '' | . | ..) die "@no_file@: $1" ;; esac
    inside "${1%/*}"
    FILE=$HERE/${1##*/}
}

# @edit@
edit() {
    file "$1" || return 0
    sed -e "$2" "$FILE" >"$WORK/edited"
    if cmp -s "$FILE" "$WORK/edited"; then left_out "@not_seen@: $1"; return; fi
    cat "$WORK/edited" >"$FILE"
}

# @append@
append() {
    new "$1" || return 0
    if grep -qxF -e "$2" "$FILE"; then return; fi
    if [ -s "$FILE" ] && [ -n "$(tail -c 1 "$FILE")" ]; then echo >>"$FILE"; fi
    printf '%s\n' "$2" >>"$FILE"
}

# @put@
put() {
    new "$1" || return 0
    if [ -s "$FILE" ]; then left_out "@not_seen@: $1"; return; fi
    shift
    printf '%s\n' "$@" >"$FILE"
}

# @small@
delete() { entry "$1"; rm -rf --one-file-system "$FILE" || left_out "@unchanged@: $1"; }
clear_directory() {
    inside "$1"
    [ ! -d "$HERE" ] || find "$HERE" -xdev -mindepth 1 -delete || left_out "@unchanged@: $1"
}
empty() { if new "$1"; then : >"$FILE"; fi; }
empty_all() {
    inside "$1"
    find "$HERE" -xdev -type f -exec truncate -s 0 {} + || left_out "@unchanged@: $1"
}
rename() {
    entry "$1"
    from=$FILE
    entry "$2"
    if [ ! -e "$from" ] && [ ! -L "$from" ]; then left_out "@not_there@: $1"; return; fi
    mv -T "$from" "$FILE" || left_out "@unchanged@: $1"
}
link() {
    entry "$1"
    { mkdir -p "${FILE%/*}" && ln -sfT -- "$2" "$FILE"; } || left_out "@unchanged@: $1"
}

# @enable@
enable() {
    if ! is_unit "$1"; then left_out "@no_unit@: $1"; return; fi
    entry "/etc/systemd/system/$1"
    inside "/etc/systemd/system/$1"
    if [ -L "$FILE" ] && [ "$HERE" = "$ROOT/dev/null" ]; then delete "/etc/systemd/system/$1"; fi
    for directory in /etc/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
        inside "$directory/$1"
        if [ -f "$HERE" ]; then break; fi
    done
    if [ ! -f "$HERE" ]; then left_out "@not_there@: $1"; return; fi
    sed -n 's/^[[:space:]]*\(WantedBy\|RequiredBy\|Alias\)[[:space:]]*=/\1 /p' "$HERE" >"$WORK/install"
    if [ ! -s "$WORK/install" ]; then left_out "@no_install@: $1"; return; fi
    set -f
    while read -r kind names; do
        for name in $names; do
            if ! is_unit "$name"; then left_out "@no_unit@: $1, $kind"; continue; fi
            case $kind in
            WantedBy) link "/etc/systemd/system/$name.wants/$1" "$directory/$1" ;;
            RequiredBy) link "/etc/systemd/system/$name.requires/$1" "$directory/$1" ;;
            Alias)
                entry "/etc/systemd/system/$name"
                if [ "${name##*.}" != "${1##*.}" ] || { [ -e "$FILE" ] && [ ! -L "$FILE" ]; }; then
                    left_out "@no_unit@: $1, $kind"
                    continue
                fi
                link "/etc/systemd/system/$name" "$directory/$1"
                ;;
            esac
        done
    done <"$WORK/install"
    set +f
}
is_unit() {
    case $1 in
    .* | *[!A-Za-z0-9:_.\\@-]*) return 1 ;;
    ?*.target | ?*.service | ?*.socket | ?*.timer | ?*.path | ?*.mount | ?*.slice) ;;
    *) return 1 ;;
    esac
}

# @in_guest@
in_guest() {
    network=--net
    [ "$1" = no ] || network=''
    for name in proc sys dev run; do
        inside "/$name"
        if [ "$HERE" != "$ROOT/$name" ] || ! mkdir -p "$HERE"; then
            left_out "@command_failed@: $2"
            return
        fi
    done
    inside /etc/resolv.conf
    # shellcheck disable=SC2016,SC2086
    unshare --mount --uts --ipc --pid --fork --kill-child $network -- sh -euc '
        root=$1 command=$2 network=$3 names=$4
        shift 4
        mount --make-rprivate /
        only_read() { mount --bind "$1" "$2" && mount -o remount,bind,ro,nosuid,nodev "$2"; }
        mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
        for name in acpi bus fs irq scsi sys sysrq-trigger; do
            [ ! -e "/proc/$name" ] || only_read "$root/proc/$name" "$root/proc/$name"
        done
        mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
        mount -t tmpfs -o nosuid,mode=755 tmpfs "$root/dev"
        for node in "null 3" "zero 5" "full 7" "random 8" "urandom 9"; do
            mknod -m 666 "$root/dev/${node% *}" c 1 "${node#* }"
        done
        mknod -m 666 "$root/dev/tty" c 5 0
        ln -s /proc/self/fd "$root/dev/fd"
        ln -s fd/0 "$root/dev/stdin"
        ln -s fd/1 "$root/dev/stdout"
        ln -s fd/2 "$root/dev/stderr"
        mkdir "$root/dev/shm" "$root/dev/pts"
        ln -s pts/ptmx "$root/dev/ptmx"
        cp -a "$@" "$root/dev/"
        mount -o remount,bind,ro,nosuid "$root/dev"
        # Terminals of its own: apt writes its log by one.
        mount -t devpts -o nosuid,noexec,newinstance,ptmxmode=666,mode=620 devpts "$root/dev/pts"
        mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$root/dev/shm"
        mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs "$root/run"
        if [ "$network" = yes ]; then
            mkdir -p "${names%/*}"
            [ -e "$names" ] || : >"$names"
            only_read /etc/resolv.conf "$names"
        fi
        keep=+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+mknod,+audit_write,+setfcap
        exec setsid setpriv --inh-caps -all --bounding-set "-all,$keep,+sys_chroot,+setpcap" \
            env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            HOME=/root LC_ALL=C "$(command -v capsh)" --drop=cap_sys_chroot,cap_setpcap \
            --chroot="$root" --shell=/bin/sh -- -ec "$command"
    ' sh "$ROOT" "$2" "$1" "$HERE" $LOOPS >&2 &
    CHILD=$!
    wait "$CHILD" || left_out "@command_failed@: $2"
    CHILD=''
}

# @relabel@
relabel() {
    inside /etc/selinux/config
    [ -f "$HERE" ] && grep -Eq '^[[:space:]]*SELINUX=(enforcing|permissive)' "$HERE" || return 0
    if [ ! -e "$ROOT/.autorelabel" ] && [ ! -L "$ROOT/.autorelabel" ]; then
        (set -C && : >"$ROOT/.autorelabel") || left_out "@unchanged@: /.autorelabel"
    fi
}
