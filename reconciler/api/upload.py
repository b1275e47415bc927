"""A file on its way out: in pieces, off the event loop, and never whole unless it is the file that was meant."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from typing import BinaryIO

from reconciler.errors import InputError
from reconciler.wire import FileBody

CHUNK = 1024 * 1024


class Upload:
    """The bytes of a file, for one request; a context manager that holds the file open.

    The last chunk is handed out only after size and SHA-256 of everything were found right; where they aren't,
    InputError ends the request, the connection is closed, and the server is left with less than it was promised.
    ``before`` is called right before each chunk is handed out, and may raise; ``progress`` with the number of bytes
    that were taken so far.
    """

    def __init__(self, body: FileBody, before: Callable[[], None], progress: Callable[[int], None]) -> None:
        self._body = body
        self._before = before
        self._progress = progress
        self._digest = sha256()
        self._file: BinaryIO

    def __enter__(self) -> Upload:
        try:
            self._file = open(self._body.path, "rb")
        except OSError as error:
            raise InputError(f"{self._name} can't be read; nothing was sent") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._body.size
        if not left:
            await asyncio.to_thread(self._verify)
        while left:
            chunk = await asyncio.to_thread(self._read, min(CHUNK, left))
            left -= len(chunk)
            if not left:
                await asyncio.to_thread(self._verify)
            self._before()
            yield chunk
            self._progress(self._body.size - left)

    @property
    def _name(self) -> str:
        return os.path.basename(self._body.path)

    def _read(self, size: int) -> bytes:
        try:
            chunk = self._file.read(size)
        except OSError as error:
            raise InputError(f"{self._name} can't be read on; the upload was broken off") from error
        if not chunk:
            raise self._changed()
        self._digest.update(chunk)
        return chunk

    def _verify(self) -> None:
        if self._file.read(1) or self._digest.hexdigest() != self._body.sha256.lower():
            raise self._changed()

    def _changed(self) -> InputError:
        return InputError(
            f"{self._name} is not the file that was planned; the upload was broken off before its last byte",
            remedy="plan again once the file no longer changes",
        )
