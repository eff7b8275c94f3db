"""A picture for a parametric QR code."""
import struct
import zlib


def png(text: str) -> bytes:
    """A PNG of the code (placeholder squares derived from the text)."""
    side, scale = 29, 8
    rows = []
    for y in range(side):
        bits = [(zlib.crc32(f"{text}{x},{y}".encode()) & 1) for x in range(side)]
        line = bytes([0]) + bytes(255 * bit for bit in bits for _ in range(scale))
        rows += [line] * scale
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(
            ">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", side * scale, side * scale, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b""))
