"""Where the server listens: is the address of this computer, and is the port free? If not, which port is?"""

from __future__ import annotations

import errno
import os
import socket

from fgbg_depth.errors import AppError, command

FIRST_PORT, NUM_PORTS = 7860, 100  # gradio's, tried in order when the user names no port


def check_address(host: str | None, port: int | None) -> None:
    """Check that the server can listen there; gradio would print an error for each of 100 ports.

    Args:
        port: None: any free one.
    Raises:
        AppError: another program uses the port, or the address is not of this computer.
    """
    try:
        _bind(host, port or 0)
    except OSError as e:
        raise cannot_listen(host, port, e.strerror or str(e), in_use=e.errno == errno.EADDRINUSE) from e


def cannot_listen(host: str | None, port: int | None, reason: str, *, in_use: bool) -> AppError:
    """The error for an address that cannot be used.

    Args:
        reason: of the operating system.
        in_use: another program uses the port, so another port would do.
    """
    where = host or "127.0.0.1"
    if port:
        where += f", port {port}"
    elif not host:
        where += f", any port from {FIRST_PORT} to {FIRST_PORT + NUM_PORTS - 1}"
    message = f"The app cannot listen on {where}: {reason[:1].lower() + reason[1:]}.\n  "
    if in_use and port and (free := next_free_port(host, port + 1)):
        options = "".join([f" --host {host}" if host else "", f" --port {free}"])
        return AppError(f"{message}Port {free} is free: {command('app')} ...{options}")
    choices = [
        *(["another --port"] if port or not host else []),
        *(["an address of this computer as --host"] if host else []),
    ]
    return AppError(f"{message}Choose {' or '.join(choices)}.")


def next_free_port(host: str | None, first: int) -> int | None:
    """The first port that is free among the 100 from `first`; None if there is none."""
    for port in range(first, min(first + NUM_PORTS, 65536)):
        try:
            _bind(host, port)
        except OSError:
            continue
        return port
    return None


def _bind(host: str | None, port: int) -> None:
    """Listen for a moment.

    Raises:
        OSError: it is not possible.
    """
    address = (host or "127.0.0.1").strip("[]")
    family, kind, protocol, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        if os.name == "posix":  # elsewhere this option would allow a port in use
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(place)
