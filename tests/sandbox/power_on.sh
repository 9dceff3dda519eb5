# The first process of a sandbox's boot: what the kernel and systemd put in place before cloud-init.
# Runs in name spaces of its own, of which the machine sees nothing. Lives until its standard input
# closes; all other processes of the boot end with it.
#   $1  the guest's root   $2  directory with made-up firmware and bus entries of /sys
set -eu
root=$1 firmware=$2

mount -t tmpfs -o mode=0755,size=256m dev "$root/dev"
mknod -m 666 "$root/dev/null" c 1 3
mknod -m 666 "$root/dev/zero" c 1 5
mknod -m 666 "$root/dev/full" c 1 7
mknod -m 666 "$root/dev/random" c 1 8
mknod -m 666 "$root/dev/urandom" c 1 9
mknod -m 666 "$root/dev/tty" c 5 0
ln -s /proc/self/fd "$root/dev/fd"
mkdir -m 1777 "$root/dev/shm"

mount -t proc proc "$root/proc"
# what is not divided by name spaces stays the machine's own
for shared in sys sysrq-trigger; do
    [ -e "$root/proc/$shared" ] || continue
    mount --bind "$root/proc/$shared" "$root/proc/$shared"
    mount -o remount,bind,ro "$root/proc/$shared"
done
cat /proc/sys/kernel/random/uuid >"$root/dev/boot_id"
mount --bind "$root/dev/boot_id" "$root/proc/sys/kernel/random/boot_id"
rm "$root/dev/boot_id"

mount -t tmpfs -o mode=0755,size=16m sys "$root/sys"
cp -R "$firmware/." "$root/sys/"
mkdir -p "$root/sys/class/net" "$root/sys/devices/virtual/net" "$root/mnt"
mount -t sysfs sysfs "$root/mnt"
for part in class/net devices/virtual/net; do
    mount --bind "$root/mnt/$part" "$root/sys/$part"
done
umount "$root/mnt"

mount -t tmpfs -o mode=0755,size=256m run "$root/run"
mkdir -m 1777 "$root/run/lock"

ip link set lo up
echo ready
exec cat >/dev/null
