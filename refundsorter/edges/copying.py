"""Copies of photos that are proved to be what was read."""

import hashlib
import os
import stat

from refundsorter.core.fault import Vanished
from refundsorter.core.image import Intent
from refundsorter.edges.filesystem import FileSystem, identity_of
from refundsorter.edges.photos import CHUNK_BYTES


def write_copy(files: FileSystem, intent: Intent, path: str) -> None:
    """Copy a photo to a new file, with its mode and its time; durable when it returns.

    Raises:
        Vanished: The source is not, or did not stay, the photo that was read.
        NameTaken: There is a file at `path`.
        PassingTrouble: It cannot be copied now.
    """
    claimed = intent.examined.claimed
    source = files.open_photo(claimed.path)
    try:
        answer = files.fstat(source, claimed.path)
        if identity_of(answer) != claimed.identity:
            raise Vanished(f"{claimed.path!r} was replaced while it was being sorted")
        target = files.create(path, stat.S_IMODE(answer.st_mode) & 0o777)
        try:
            digest, size = hashlib.sha256(), 0
            while chunk := files.read(source, CHUNK_BYTES, claimed.path):
                files.write(target, chunk, path)
                digest.update(chunk)
                size += len(chunk)
            files.set_mtime(target, claimed.identity.mtime_ns, path)
            files.fsync(target, path)
            copied = files.fstat(target, path).st_size
        finally:
            os.close(target)
    finally:
        files.close(source, claimed.path)
    if digest.hexdigest() != intent.examined.sha256 or not size == copied == claimed.identity.size:
        raise Vanished(f"{claimed.path!r} changed while it was being copied")


def hash_of(files: FileSystem, path: str) -> str:
    """The sha256 of a file's bytes, 64 hex digits."""
    descriptor = files.open_photo(path)
    try:
        digest = hashlib.sha256()
        while chunk := files.read(descriptor, CHUNK_BYTES, path):
            digest.update(chunk)
        return digest.hexdigest()
    finally:
        files.close(descriptor, path)
