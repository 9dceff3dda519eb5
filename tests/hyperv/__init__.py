"""An emulated Hyper-V: the kernel's side of ``/dev/vmbus/hv_kvp``, and a host behind it.

``engine`` is the message engine, pure and alone; ``host`` speaks it over a socket to the real
``hv_kvp_daemon`` or to our own device reader; ``tools`` gets the daemon and builds the library
that gives it the socket in the device's place; ``real_daemon`` runs the two together.
"""
