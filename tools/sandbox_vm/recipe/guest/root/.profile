# tools/vm shell: mounts what was shared, and runs what was asked for before the first prompt.
disks=/dev/disk/by-id
if [ "$(tty)" = /dev/ttyS0 ] && [ -z "${SANDBOX_VM_SHELL:-}" ]; then
    export SANDBOX_VM_SHELL=1 LANG=C.UTF-8
    [ ! -e "$disks/virtio-share" ] || mount -o ro "$disks/virtio-share" /share
    if [ -e "$disks/virtio-job" ]; then
        tr -d '\0' <"$disks/virtio-job" >/run/sandbox-vm-job
        . /run/sandbox-vm-job
    fi
fi
