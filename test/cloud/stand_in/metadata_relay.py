"""
QEMU starts this for each connection of a guest to 169.254.169.254. It hands the connection on to the metadata server of that one
instance and ends. Run with -I -S, so that it costs little: usage: metadata_relay.py SOCKET
"""

import socket
import sys

with socket.socket(socket.AF_UNIX) as to:
    to.connect(sys.argv[1])
    socket.send_fds(to, [b"c"], [0])
