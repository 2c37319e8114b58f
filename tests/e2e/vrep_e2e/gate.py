"""A disk that blocks for ever: a read-only file system (FUSE, spoken straight to the kernel) that shows the files of a
folder and stops answering reads while its gate is shut."""

import ctypes
import os
import stat
import struct
import threading

from .runner import Skip, need_root

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH = 1, 2, 3, 14, 15, 17, 18, 25
INIT, OPENDIR, READDIR, RELEASEDIR, INTERRUPT, BATCH_FORGET = 26, 27, 28, 29, 36, 42
ENOENT, EINTR, ENOSYS, EROFS = 2, 4, 38, 30
MS_NOSUID_NODEV, MNT_DETACH = 6, 2
ROOT = 1
REQUEST_MAX = 1024 * 1024 + 4096
DIRECT_IO = 1


class Gate:
    """Mounts `backing` read-only at `mountpoint`. shut() makes every later read wait; open() lets them go on."""

    def __init__(self, backing, mountpoint):
        need_root("a file system of one's own")
        if not os.path.exists("/dev/fuse"):
            raise Skip("/dev/fuse is missing")
        os.makedirs(mountpoint, exist_ok=True)
        self.backing = backing
        self.mountpoint = mountpoint
        self.names = sorted(os.listdir(backing))
        self.lock = threading.Lock()
        self.is_open = True
        self.waiting = {}  # unique -> (node, offset, size)
        self.device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        self.libc = ctypes.CDLL(None, use_errno=True)
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        if self.libc.mount(b"vrepgate", mountpoint.encode(), b"fuse.vrepgate", MS_NOSUID_NODEV, options) != 0:
            code = ctypes.get_errno()
            os.close(self.device)
            raise Skip(f"FUSE cannot be mounted here: {os.strerror(code)}")
        threading.Thread(target=self.serve, daemon=True).start()

    def shut(self):
        with self.lock:
            self.is_open = False

    def open(self):
        with self.lock:
            self.is_open = True
            held, self.waiting = self.waiting, {}
        for unique, (node, offset, size) in held.items():
            self.answer_read(unique, node, offset, size)

    def blocked(self):
        """How many reads wait now."""
        with self.lock:
            return len(self.waiting)

    def unmount(self):
        self.open()
        self.libc.umount2(self.mountpoint.encode(), MNT_DETACH)

    def serve(self):
        while True:
            try:
                request = os.read(self.device, REQUEST_MAX)
            except OSError as problem:
                if problem.errno == EINTR or problem.errno == ENOENT:
                    continue
                os.close(self.device)  # unmounted
                return
            _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
            self.handle(opcode, unique, node, request[40:])

    def handle(self, opcode, unique, node, body):
        if opcode == INIT:
            major, minor, readahead, _ = struct.unpack_from("<IIII", body)
            self.reply(unique, struct.pack("<IIIIHHIIHHI28x", major, min(minor, 31), readahead, 0, 12, 9,
                                           1024 * 1024, 1, 256, 0, 0))
        elif opcode == LOOKUP:
            name = body.rstrip(b"\0").decode()
            if name in self.names:
                child = ROOT + 1 + self.names.index(name)
                self.reply(unique, struct.pack("<QQQQII", child, 0, 0, 0, 0, 0) + self.attributes(child))
            else:
                self.reply(unique, error=ENOENT)
        elif opcode == GETATTR:
            self.reply(unique, struct.pack("<QII", 0, 0, 0) + self.attributes(node))
        elif opcode == OPEN:
            (flags,) = struct.unpack_from("<I", body)
            if flags & os.O_ACCMODE != os.O_RDONLY:
                self.reply(unique, error=EROFS)
            else:
                self.reply(unique, struct.pack("<QII", node, DIRECT_IO, 0))
        elif opcode == OPENDIR:
            self.reply(unique, struct.pack("<QII", 0, 0, 0))
        elif opcode == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            with self.lock:
                if not self.is_open:
                    self.waiting[unique] = (node, offset, size)
                    return
            self.answer_read(unique, node, offset, size)
        elif opcode == READDIR:
            _, offset, _ = struct.unpack_from("<QQI", body)
            self.reply(unique, self.listing(offset))
        elif opcode == INTERRUPT:
            (victim,) = struct.unpack_from("<Q", body)
            with self.lock:
                known = self.waiting.pop(victim, None)
            if known:
                self.reply(victim, error=EINTR)
        elif opcode == STATFS:
            self.reply(unique, struct.pack("<QQQQQIIII24x", 1 << 20, 1 << 19, 1 << 19, 1024, 512, 4096, 255, 4096, 0))
        elif opcode in (RELEASE, RELEASEDIR, FLUSH):
            self.reply(unique)
        elif opcode not in (FORGET, BATCH_FORGET):
            self.reply(unique, error=ENOSYS)

    def listing(self, offset):
        if offset:
            return b""
        entries = b""
        for number, name in enumerate(self.names):
            encoded = name.encode()
            entry = struct.pack("<QQII", ROOT + 1 + number, number + 1, len(encoded), stat.S_IFREG >> 12) + encoded
            entries += entry + b"\0" * (-len(entry) % 8)
        return entries

    def path(self, node):
        return self.backing if node == ROOT else os.path.join(self.backing, self.names[node - ROOT - 1])

    def attributes(self, node):
        found = os.stat(self.path(node))
        return struct.pack("<QQQQQQIIIIIIIIII", node, found.st_size, found.st_blocks, int(found.st_atime),
                           int(found.st_mtime), int(found.st_ctime), 0, 0, 0, found.st_mode, 1, found.st_uid,
                           found.st_gid, 0, 4096, 0)

    def answer_read(self, unique, node, offset, size):
        with open(self.path(node), "rb") as file:
            file.seek(offset)
            self.reply(unique, file.read(size))

    def reply(self, unique, payload=b"", error=0):
        try:
            os.write(self.device, struct.pack("<IiQ", 16 + len(payload), -error, unique) + payload)
        except OSError:
            pass  # the asker is gone
