# minimal.sh - sourced by the tools that try things where nothing is: minimal Debian systems, made
# with debootstrap from the mirror that this machine uses, in directories below $work, which is
# removed at the end (KEEP=1 leaves it). Needs root and debootstrap. BASES=DIR keeps systems as
# debootstrap makes them in DIR and copies them from there: faster when much is tried.
# Whoever sources it has set $top, the tree it is part of.
# shellcheck shell=sh disable=SC2154

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# minimal_begin RELEASE: is all there that is needed? Makes $work.
minimal_begin() {
    case ${1:-} in
    bookworm | trixie) ;;
    *) die "the release is bookworm or trixie" ;;
    esac
    [ "$(id -u)" = 0 ] || die 'only root can make a system and enter it'
    command -v debootstrap >/dev/null 2>&1 || die 'debootstrap is not installed'
    mirror=$(apt-get indextargets --format '$(REPO_URI)|$(ORIGIN)|$(COMPONENT)' 'Identifier: Packages' |
        awk -F'|' '$2 == "Debian" && $3 == "main" { print $1; exit }')
    [ -n "$mirror" ] || die 'apt knows no mirror of Debian here'
    work=$(mktemp -d)
    trap minimal_end EXIT
    trap 'exit 1' HUP INT TERM
}

# Nothing is removed while something is mounted in it. at_end, if it is there, goes first.
minimal_end() {
    if command -v at_end >/dev/null 2>&1; then
        at_end
    fi
    sed -n "s|^[^ ]* \($work/[^ ]*\) .*|\1|p" /proc/self/mounts | sort -r | while read -r mount; do
        umount "$mount" || umount -l "$mount" || :
    done
    if grep -q " $work/" /proc/self/mounts; then
        echo "${0##*/}: $work still has mounts; leaving it" >&2
    elif [ -z "${KEEP:-}" ]; then
        rm -rf "$work"
    fi
}

# minimal_make RELEASE ROOT: a system in ROOT, with what a program expects below /dev and /proc.
minimal_make() {
    base=$2
    [ -z "${BASES:-}" ] || base=$BASES/$1
    if [ ! -e "$base/usr/bin/apt-get" ]; then
        keyring=/usr/share/keyrings/debian-archive-keyring.gpg
        mkdir -p "$base"
        debootstrap --variant=minbase ${keyring:+--keyring="$keyring"} "$1" "$base" "$mirror" \
            >"$work/log" 2>&1 || {
            tail -n 20 "$work/log"
            die 'debootstrap failed'
        }
    fi
    [ "$base" = "$2" ] || cp -a "$base" "$2"
    cp /etc/resolv.conf "$2/etc/resolv.conf"
    # A server that a package starts would outlive the trial.
    printf '#!/bin/sh\nexit 101\n' >"$2/usr/sbin/policy-rc.d"
    chmod 755 "$2/usr/sbin/policy-rc.d"
    mount -t proc proc "$2/proc"
    mount -t tmpfs -o mode=755 tmpfs "$2/dev"
    mkdir "$2/dev/pts" "$2/dev/shm"
    for node in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9' 'tty 5 0'; do
        # shellcheck disable=SC2086  # three words
        minimal_node "$2" $node
    done
    ln -s /proc/self/fd "$2/dev/fd"
    ln -s pts/ptmx "$2/dev/ptmx"
    mount -t devpts -o newinstance,ptmxmode=666 devpts "$2/dev/pts" || :
    mount -t tmpfs -o mode=1777 tmpfs "$2/dev/shm"
}

minimal_node() { # ROOT NAME MAJOR MINOR
    mknod -m 666 "$1/dev/$2" c "$3" "$4"
}

# inside ROOT COMMAND...: runs it in there, with an environment that says nothing.
inside() {
    root_of_inside=$1
    shift
    chroot "$root_of_inside" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive "$@"
}

# clone_into DIR COMMIT: the repository, and nothing that is not committed.
clone_into() {
    git clone -q --no-hardlinks "$top" "$1"
    git -C "$1" checkout -q --detach "$(git -C "$top" rev-parse "$2")"
}
