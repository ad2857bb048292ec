"""Who listens at an address of this machine, by the kernel's word: of itself anybody may say anything."""

import os
import socket
import struct
from ipaddress import IPv4Address, IPv6Address, ip_address

TABLES = ("/proc/self/net/tcp", "/proc/self/net/tcp6")
LISTENING = "0A"  # TCP_LISTEN of Linux's net/tcp_states.h, as the tables have it
WORD = 8  # hexadecimal digits; an address is written word by word, each in the machine's order of bytes
PEER = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid

Address = IPv4Address | IPv6Address


def users(address: str, port: int) -> set[int]:
    """The users (uid) who listen where a connection to an address of this machine may lead.

    Raises:
        OSError: It cannot be told.
    """
    wanted = _plain(ip_address(address))
    found: set[int] = set()
    for table in TABLES:
        if not os.path.exists(table):
            continue  # a machine without IPv6
        with open(table, encoding="ascii") as file:
            lines = [line.split() for line in file][1:]
        for _, local, _, state, _, _, _, user, *_ in lines:
            host, _, number = local.partition(":")
            if state == LISTENING and int(number, 16) == port and _leads(_address(host), wanted):
                found.add(int(user))
    return found


def peer(connection: socket.socket) -> tuple[int, int]:
    """The process (pid) that listens at a Unix socket, and its user (uid)."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size)
    pid, user, _ = PEER.unpack(found)
    return pid, user


def _leads(listening: Address, wanted: Address) -> bool:
    return listening.is_unspecified or listening == wanted


def _address(digits: str) -> Address:
    words = [int(digits[at : at + WORD], 16) for at in range(0, len(digits), WORD)]
    return _plain(ip_address(struct.pack(f"={len(words)}I", *words)))


def _plain(address: Address) -> Address:
    """An IPv4 address that is written as one of IPv6, as itself."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
