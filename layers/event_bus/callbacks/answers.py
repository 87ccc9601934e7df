"""Strict and bounded reading of HTTP answers.

http.client accepts invalid answers, takes a truncated answer for a complete one, and skips only the
interim answer 100. A delivery counts as successful only if its answer was received as RFC 9112
demands.
"""

import email.parser
import http.client
import re
from typing import Any

MAX_HEAD_BYTES = 64 * 1024
"""The most bytes that are read besides the body: status lines, header fields, sizes of chunks."""

MAX_INTERIM_ANSWERS = 16
"""How many interim answers (1xx) may come before the final one."""

_MAX_FIELDS = 100
_MAX_CHUNK_LINE_BYTES = 4 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9])[ \t]+([1-9][0-9]{2})(?:[ \t][^\r\n\0]*)?\r?\n")
_FIELD = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:|[ \t])[^\r\n\0]*\r?\n")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_LENGTH = re.compile(r"[0-9]{1,18}")
_END_OF_HEAD = (b"\r\n", b"\n")
_SWITCHING_PROTOCOLS, _NO_CONTENT, _NOT_MODIFIED = 101, 204, 304


class InvalidAnswer(http.client.HTTPException):
    """The answer is not valid; the text says why and quotes nothing of it."""


class StrictAnswer(http.client.HTTPResponse):
    """An answer that is read as RFC 9112 demands.

    An answer whose end did not arrive raises `IncompleteRead`. If no byte arrived, it raises
    `RemoteDisconnected`.
    """

    def begin(self, **_: Any) -> None:
        """Reads the head of the final answer.

        Raises:
            InvalidAnswer: It is not valid.
        """
        self._head_bytes_left = MAX_HEAD_BYTES
        for _number in range(MAX_INTERIM_ANSWERS + 1):
            minor, self.status = self._read_status_line(first=_number == 0)
            fields = self._read_fields()
            if self.status == _SWITCHING_PROTOCOLS:
                raise InvalidAnswer(
                    "it switches protocols (101), which the request did not ask for"
                )
            if self.status >= 200:
                break
        else:
            raise InvalidAnswer(f"more than {MAX_INTERIM_ANSWERS} interim answers came first")
        self.code, self.reason, self.version = self.status, "", 10 if minor == 0 else 11
        parser = email.parser.Parser(_class=http.client.HTTPMessage)
        self.headers = self.msg = parser.parsestr(fields.decode("iso-8859-1"), headersonly=True)
        # Bodies are not decompressed. urllib3 refuses some lists of codings all the same.
        del self.headers["content-encoding"]
        self._frame()

    def read(self, amt: int | None = None) -> bytes:
        """Reads the next bytes of the body; none at its end.

        Args:
            amt: The most bytes to read.
        """
        if self.fp is None or not self.chunked:
            return super().read(amt)
        return self._read_chunks(MAX_HEAD_BYTES if amt is None else amt)

    def _read_status_line(self, *, first: bool) -> tuple[int, int]:
        try:
            line = self._read_head_line()
        except ConnectionError as error:
            if first:
                raise http.client.RemoteDisconnected(str(error)) from error
            raise
        if first and not line:
            raise http.client.RemoteDisconnected("the connection was closed")
        if not b"HTTP/1.".startswith(line[:7]):
            raise InvalidAnswer("it does not begin with a status line of HTTP/1.1")
        if not line.endswith(b"\n"):
            raise http.client.IncompleteRead(line)
        if not (match := _STATUS_LINE.fullmatch(line)):
            raise InvalidAnswer("its status line is malformed")
        return int(match[1]), int(match[2])

    def _read_fields(self) -> bytes:
        lines: list[bytes] = []
        while (line := self._read_head_line()) not in _END_OF_HEAD:
            if not line.endswith(b"\n"):
                raise http.client.IncompleteRead(line)
            if not _FIELD.fullmatch(line) or (not lines and line[:1] in b" \t"):
                raise InvalidAnswer("one of its header fields is malformed")
            if len(lines) == _MAX_FIELDS:
                raise InvalidAnswer(f"it has more than {_MAX_FIELDS} header fields")
            lines.append(line)
        return b"".join(lines)

    def _read_head_line(self) -> bytes:
        line: bytes = self.fp.readline(self._head_bytes_left + 1)
        self._head_bytes_left -= len(line)
        if self._head_bytes_left < 0:
            raise InvalidAnswer(f"it has more than {MAX_HEAD_BYTES} bytes besides its body")
        return line

    def _frame(self) -> None:
        """Finds out where the body ends (RFC 9112, 6.3), and if the connection stays usable."""
        codings = self.headers.get_all("transfer-encoding") or []
        lengths = self.headers.get_all("content-length") or []
        connection = ",".join(self.headers.get_all("connection") or []).lower()
        self.chunked, self.chunk_left, self.length = False, None, None
        self.will_close = self.version == 10 or "close" in connection
        if self.status in (_NO_CONTENT, _NOT_MODIFIED):
            # The answer ends with its head, whatever the head says. A body that follows belongs to
            # no answer.
            self.length = 0
            self.will_close |= self.status == _NO_CONTENT and bool(codings or lengths)
        elif codings and lengths:
            raise InvalidAnswer("it has both a Transfer-Encoding and a Content-Length")
        elif codings:
            if ",".join(codings).strip().lower() != "chunked":
                raise InvalidAnswer("its Transfer-Encoding is not chunked alone")
            self.chunked = True
        elif lengths:
            self.length = _one_length(lengths)
        else:
            self.will_close = True

    def _read_chunks(self, limit: int) -> bytes:
        body = bytearray()
        while len(body) < limit:
            if self.chunk_left is None:
                self.chunk_left = self._read_chunk_size()
                if self.chunk_left == 0:
                    self._skip_trailer()
                    self.close()
                    break
            piece = self._read_all(min(self.chunk_left, limit - len(body)))
            body += piece
            self.chunk_left -= len(piece)
            if self.chunk_left == 0:
                if self._read_all(2) != b"\r\n":
                    raise InvalidAnswer("one of its chunks does not end where it should")
                self.chunk_left = None
        return bytes(body)

    def _read_chunk_size(self) -> int:
        line = self._read_head_line()
        match = _CHUNK_LINE.fullmatch(line)
        if match and len(line) < _MAX_CHUNK_LINE_BYTES:
            return int(match[1], 16)
        if line.endswith(b"\n"):
            raise InvalidAnswer("the size of one of its chunks is malformed")
        raise http.client.IncompleteRead(line)

    def _read_all(self, count: int) -> bytes:
        read: bytes = self.fp.read(count)
        if len(read) < count:
            raise http.client.IncompleteRead(read, count - len(read))
        return read

    def _skip_trailer(self) -> None:
        # The chunk of no bytes ends the body; whether its trailer is complete does not matter.
        while self._read_head_line() not in (*_END_OF_HEAD, b""):
            pass


def _one_length(lengths: list[str]) -> int:
    found = {each.strip() for value in lengths for each in value.split(",")}
    if len(found) != 1 or not _LENGTH.fullmatch(length := found.pop()):
        raise InvalidAnswer("its Content-Length is not one number")
    return int(length)
