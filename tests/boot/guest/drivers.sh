#!/bin/sh
# What an initial RAM disk does elsewhere: the driver of a second disk, before ds-identify looks.
mount -t proc proc /proc
mount -t devtmpfs devtmpfs /dev
modprobe -a virtio_pci virtio_blk
exec /sbin/init
