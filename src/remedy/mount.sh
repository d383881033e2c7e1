ROOT='' DISK='' DEVICE='' LOOPS='' GROUP='' MOUNTED=''

# @release@
release() {
    if [ -n "$MOUNTED" ]; then umount --recursive "$ROOT" || return 1; fi
    MOUNTED=''
    if [ -n "$GROUP" ]; then volume_group -an "$GROUP" || return 1; fi
    GROUP=''
    for device in $LOOPS; do losetup --detach "$device" || return 1; done
    LOOPS=''
}

# @part@
part() {
    DEVICE=$(losetup --find --show --offset "$1" --sizelimit "$2" "$DISK")
    LOOPS="$LOOPS $DEVICE"
}

# @group@
volume_group() {
    # shellcheck disable=SC2086
    accept=$(printf '"a|^%s$|", ' $LOOPS)
    LVM_SUPPRESS_FD_WARNINGS=1 vgchange --config "devices { filter=[ $accept\"r|.*|\" ] }
        activation { udev_sync=0 udev_rules=0 }" "$@"
}
activate() {
    GROUP=$1
    volume_group -ay "$GROUP" && vgmknodes "$GROUP" || die "@no_group@: $GROUP"
}

# @mount_on@
mount_on() {
    point=$(inside "$1")
    mkdir -p "$point"
    mount -t "$2" -o "nodev,nosuid$3" "$DEVICE" "$point"
    MOUNTED=yes
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
        mount -t xfs -o nodev,nosuid,nouuid "$DEVICE" "$WORK/log" && umount "$WORK/log"
        xfs_repair "$DEVICE"
        ;;
    *) : ;;
    esac || left_out "@check_failed@: $1"
}

# @inside@
inside() {
    rest=$1 here=$ROOT links=0
    while [ -n "$rest" ]; do
        name=${rest%%/*}
        case $rest in */*) rest=${rest#*/} ;; *) rest='' ;; esac
        case $name in
        '' | .) continue ;;
        ..)
            [ "$here" = "$ROOT" ] || here=${here%/*}
            continue
            ;;
        esac
        if [ -L "$here/$name" ]; then
            links=$((links + 1))
            [ "$links" -le 40 ] || die "@links@: $1"
            target=$(readlink "$here/$name" && echo .)
            target=${target%??}
            case $target in /*) here=$ROOT ;; esac
            rest=$target/$rest
        else
            here=$here/$name
        fi
    done
    printf '%s' "$here"
}

# @file@
file() {
    FILE=$(inside "$1")
    if [ -e "$FILE" ] && [ ! -f "$FILE" ]; then die "@no_file@: $1"; fi
}

# @entry@
entry() { FILE=$(inside "${1%/*}")/${1##*/}; }

# @edit@
edit() {
    file "$1"
    if [ ! -f "$FILE" ]; then left_out "@not_there@: $1"; return; fi
    sed -e "$2" "$FILE" >"$WORK/edited"
    if cmp -s "$FILE" "$WORK/edited"; then left_out "@not_seen@: $1"; return; fi
    cat "$WORK/edited" >"$FILE"
}

# @append@
append() {
    file "$1"
    if [ -f "$FILE" ] && grep -qxF -e "$2" "$FILE"; then return; fi
    mkdir -p "${FILE%/*}"
    if [ -s "$FILE" ] && [ -n "$(tail -c 1 "$FILE")" ]; then echo >>"$FILE"; fi
    printf '%s\n' "$2" >>"$FILE"
}

# @put@
put() {
    file "$1"
    shift
    mkdir -p "${FILE%/*}"
    printf '%s\n' "$@" >"$FILE"
}

# @small@
delete() { entry "$1"; rm -rf --one-file-system "$FILE"; }
clear_directory() { FILE=$(inside "$1"); [ ! -d "$FILE" ] || find "$FILE" -xdev -mindepth 1 -delete; }
empty() { file "$1"; mkdir -p "${FILE%/*}"; : >"$FILE"; }
empty_all() { FILE=$(inside "$1"); find "$FILE" -xdev -type f -exec truncate -s 0 {} +; }
rename() {
    entry "$1"
    from=$FILE
    entry "$2"
    if [ -e "$from" ]; then mv -T "$from" "$FILE"; else left_out "@not_there@: $1"; fi
}
link() { entry "$1"; mkdir -p "${FILE%/*}"; ln -sfT -- "$2" "$FILE"; }

# @enable@
enable() {
    units=$(inside /etc/systemd/system)
    if [ -L "$units/$1" ] && [ "$(readlink "$units/$1")" = /dev/null ]; then rm "$units/$1"; fi
    for directory in /etc/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
        FILE=$(inside "$directory/$1")
        if [ -f "$FILE" ]; then break; fi
    done
    if [ ! -f "$FILE" ]; then left_out "@not_there@: $1"; return; fi
    sed -n 's/^[[:space:]]*\(WantedBy\|RequiredBy\|Alias\)[[:space:]]*=/\1 /p' "$FILE" >"$WORK/install"
    if [ ! -s "$WORK/install" ]; then left_out "@no_install@: $1"; return; fi
    while read -r kind names; do
        for name in $names; do
            case $name in */*) continue ;; esac
            case $kind in
            WantedBy) link "/etc/systemd/system/$name.wants/$1" "$directory/$1" ;;
            RequiredBy) link "/etc/systemd/system/$name.requires/$1" "$directory/$1" ;;
            Alias) link "/etc/systemd/system/$name" "$directory/$1" ;;
            esac
        done
    done <"$WORK/install"
}

# @in_guest@
in_guest() {
    network=--net
    [ "$1" = no ] || network=''
    # shellcheck disable=SC2016
    unshare --mount --uts --ipc --pid --fork $network -- sh -euc '
        mount --make-rprivate /
        mount -t proc proc "$1/proc"
        mount --rbind /sys "$1/sys"
        mount --rbind /dev "$1/dev"
        mount -t tmpfs tmpfs "$1/run"
        if [ "$3" = yes ]; then
            mkdir -p "${4%/*}"
            [ -e "$4" ] || : >"$4"
            mount --bind /etc/resolv.conf "$4"
        fi
        export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
        exec chroot "$1" /bin/sh -ec "$2"
    ' sh "$ROOT" "$2" "$1" "$(inside /etc/resolv.conf)" >&2 || left_out "@command_failed@: $2"
}

# @relabel@
relabel() {
    FILE=$(inside /etc/selinux/config)
    if [ -f "$FILE" ] && grep -Eq '^[[:space:]]*SELINUX=(enforcing|permissive)' "$FILE"; then
        : >"$ROOT/.autorelabel"
    fi
}
