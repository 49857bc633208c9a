"""
An AWS whose instances are real, for the tests: see README.md beside this file.
usage: stand-in.py FOLDER PORT ACCOUNT... (it listens on 127.0.0.1 alone, and keeps its disks in the folder)
"""

import logging
import os
import sys
import threading

os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
sys.dont_write_bytecode = True

from moto.moto_server.werkzeug_app import MotoRequestHandler  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

from stand_in.disks import Disks  # noqa: E402
from stand_in.front import Front  # noqa: E402
from stand_in.hosting import Hosting  # noqa: E402
from stand_in.seed import Admin, plant  # noqa: E402
from stand_in.world import World  # noqa: E402


class Handler(MotoRequestHandler):
    def log(self, type, message, *args):
        """Calls are written down where tests can read them, not printed."""


class StandIn:
    """All that there is behind one port."""

    def __init__(self, folder, port):
        # Each stand-in has a part of the loopback to itself, so that several may have machines at once.
        self.world = World(folder, f"127.{port >> 8}.{port & 255}")
        self.disks = Disks(folder)
        self.machines = Hosting(self.world, self.disks)

    def serve(self, port):
        admin = Admin(self.world, self.disks, self.branch)
        front = Front(self.world, self.disks, self.machines, admin)
        server = make_server("127.0.0.1", port, front, threaded=True, request_handler=Handler)
        server.daemon_threads = True
        server.serve_forever()

    def branch(self, port):
        """
        Under the lock: another process with all that there is now, at another port. From then on neither sees what happens in the other.
        Machines stay with the first.
        """
        child = os.fork()
        if child:
            threading.Thread(target=os.waitpid, args=(child, 0), daemon=True).start()
            return
        # Of all threads this one alone goes on here. It answers nobody.
        for name in os.listdir("/proc/self/fd"):
            link = f"/proc/self/fd/{name}"
            if os.path.islink(link) and os.readlink(link).startswith("socket:"):
                os.close(int(name))
        folder = os.path.join(self.world.folder, str(port))
        self.disks.move_to(folder)
        self.world.branch(folder)
        try:
            self.serve(port)
        finally:
            os._exit(1)


def main(folder, port, *accounts):
    logging.basicConfig(level=logging.WARNING)
    here = StandIn(folder, int(port))
    plant(here.world, here.disks, {"accounts": list(accounts)})
    here.serve(int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
