#!/usr/bin/env bash
# The ALSA path on a kernel that has a sequencer, for machines whose own kernel has none: Debian's kernel under
# qemu-system-x86 with snd-seq and virmidi; this machine's root file system is shared with it, read-only, over 9p.
#
#     benchmarks/alsa_qemu.sh [CACHE_FOLDER]         PYTHON=... chooses the interpreter (with brainmusic[alsa,test])
#
# Needs Debian or Ubuntu and `apt-get install qemu-system-x86`. The kernel, busybox and cpio are downloaded and unpacked
# into the cache folder, not installed. It says what works, not how well it keeps time: qemu without KVM emulates every
# instruction. About two minutes.
set -euo pipefail
cache=$(realpath -m "${1:-${XDG_CACHE_HOME:-$HOME/.cache}/brainmusic-alsa}")
python=$(command -v "${PYTHON:-python3}")
repository=$(realpath "$(dirname "$0")/..")
[ -n "$(command -v qemu-system-x86_64)" ] || { echo "qemu is missing: apt-get install qemu-system-x86"; exit 2; }

mkdir -p "$cache"
if [ ! -e "$cache/unpacked/ready" ]; then
    rm -rf "$cache/unpacked"
    image=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image-/ {print $2; exit}')
    (cd "$cache" && apt-get download "$image" busybox-static cpio)
    for package in "$cache"/*.deb; do dpkg -x "$package" "$cache/unpacked"; done
    touch "$cache/unpacked/ready"
fi
kernel=$(ls "$cache"/unpacked/boot/vmlinuz-*)
modules=$(ls -d "$cache"/unpacked/lib/modules/*)/kernel

# In the order in which they need each other.
early="drivers/virtio/virtio_ring drivers/virtio/virtio drivers/virtio/virtio_pci_modern_dev
    drivers/virtio/virtio_pci_legacy_dev drivers/virtio/virtio_pci fs/netfs/netfs fs/fscache/fscache net/9p/9pnet
    net/9p/9pnet_virtio fs/9p/9p"
sound="sound/soundcore sound/core/snd sound/core/snd-timer sound/core/snd-hrtimer sound/core/snd-seq-device
    sound/core/seq/snd-seq sound/core/snd-rawmidi sound/core/seq/snd-seq-midi-event sound/core/seq/snd-seq-midi
    sound/core/seq/snd-seq-dummy sound/core/seq/snd-seq-virmidi sound/drivers/snd-virmidi"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/guest/{bin,modules,proc,sys,dev,host}
cp "$cache/unpacked/bin/busybox" "$work/guest/bin/"
for module in $early $sound; do cp "$modules/$module.ko" "$work/guest/modules/"; done
load() { for module in "$@"; do echo "insmod /modules/$(basename "$module").ko || echo \"$module: not loaded\""; done; }
cat > "$work/guest/init" <<INIT
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
$(load $early)
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=262144,cache=loose host /host || poweroff -f
$(load $sound)
mount -t proc proc /host/proc; mount -t sysfs sys /host/sys; mount -o bind /dev /host/dev
mkdir -p /host/dev/shm; mount -t tmpfs shm /host/dev/shm
ifconfig lo 127.0.0.1 up
cd /host
chroot /host /bin/sh -c "cd '$repository' && HOME=/dev/shm TMPDIR=/dev/shm PATH=/usr/bin:/bin PYTHONPATH=. PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 '$python' -m benchmarks.alsa_guest"
echo "exit code \$?"
poweroff -f
INIT
chmod +x "$work/guest/init"
(cd "$work/guest" && find . | "$cache/unpacked/bin/cpio" --quiet -o -H newc | gzip -1 > "$work/initrd")

timeout "${LIMIT_S:-900}" qemu-system-x86_64 -accel "${ACCEL:-tcg,thread=multi}" -cpu max -smp 2 -m 2048 \
    -kernel "$kernel" -initrd "$work/initrd" -append "console=ttyS0 quiet panic=-1 no_timer_check" -nographic -no-reboot -nic none \
    -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap < /dev/null | tee "$work/log"
grep -q "exit code 0" "$work/log"
