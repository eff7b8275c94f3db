"""A QR code as a PNG: byte mode, error correction M, versions 1 to 6 (ISO/IEC 18004).

Enough for the addresses of parametric codes, which are short. Polynomials are lists of bytes,
highest power first; a grid is a list of rows, None where nothing is drawn yet.
"""
import struct
import zlib

# version → (data codewords, check codewords a block, blocks), for level M
VERSIONS = {1: (16, 10, 1), 2: (28, 16, 1), 3: (44, 26, 1), 4: (64, 18, 2), 5: (86, 24, 2),
            6: (108, 16, 4)}
SCALE, QUIET = 8, 4
Grid = list[list[int | None]]


def png(text: str) -> bytes:
    """The code for `text` as a black and white PNG. ValueError: longer than 106 bytes."""
    grid = matrix(text)
    blank = [0] * (len(grid) + 2 * QUIET)
    padded = [blank] * QUIET + [[0] * QUIET + row + [0] * QUIET for row in grid] + [blank] * QUIET
    lines = b"".join((b"\0" + bytes(0 if dot else 255 for dot in row for _ in range(SCALE))) * SCALE
                     for row in padded)
    return grey_png(len(padded) * SCALE, lines)


def grey_png(side: int, lines: bytes) -> bytes:
    """A square 8-bit grey PNG; `lines`: each a filter byte 0 and `side` pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)
            + _chunk(b"IDAT", zlib.compress(lines)) + _chunk(b"IEND", b""))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def matrix(text: str) -> list[list[int]]:
    """The modules of the code, 1 for dark, with the mask of least penalty."""
    content = text.encode()
    version = next((v for v, (room, _, _) in VERSIONS.items() if len(content) + 2 <= room), None)
    if version is None:
        raise ValueError("too long for a code of version 6")
    bits = _bits(_codewords(content, version))
    drawn = [_drawn(version, bits, mask) for mask in range(8)]
    return min(drawn, key=_penalty)


def _codewords(content: bytes, version: int) -> list[int]:
    """Data and check codewords, interleaved over the blocks."""
    room, checks, count = VERSIONS[version]
    head = f"0100{len(content):08b}" + "".join(f"{byte:08b}" for byte in content) + "0000"
    head += "0" * (-len(head) % 8)
    data = [int(head[i:i + 8], 2) for i in range(0, len(head), 8)][:room]
    data += [(0xEC, 0x11)[i % 2] for i in range(room - len(data))]
    size = room // count
    blocks = [data[i * size:(i + 1) * size] for i in range(count)]
    ends = [_checks(block, checks) for block in blocks]
    return [w for column in zip(*blocks, strict=True) for w in column] \
        + [w for column in zip(*ends, strict=True) for w in column]


def _times(a: int, b: int) -> int:
    """Product in GF(256) over x⁸+x⁴+x³+x²+1."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = (a << 1) ^ (0x11D if a & 0x80 else 0)
        b >>= 1
    return product


def _checks(data: list[int], count: int) -> list[int]:
    """Reed-Solomon: the remainder of data·xⁿ by (x−1)(x−2)…(x−2ⁿ⁻¹)."""
    generator, root = [1], 1
    for _ in range(count):
        generator = [a ^ _times(b, root) for a, b in
                     zip([*generator, 0], [0, *generator], strict=True)]
        root = _times(root, 2)
    rest = [*data, *[0] * count]
    for i in range(len(data)):
        for j, factor in enumerate(generator):
            rest[i + j] ^= _times(factor, rest[i]) if j else 0
    return rest[len(data):]


def _bits(codewords: list[int]) -> list[int]:
    return [word >> shift & 1 for word in codewords for shift in range(7, -1, -1)]


def _drawn(version: int, bits: list[int], mask: int) -> list[list[int]]:
    side = 17 + 4 * version
    grid: Grid = [[None] * side for _ in range(side)]
    for top, left in ((0, 0), (0, side - 7), (side - 7, 0)):
        _draw_finder(grid, top, left)
    if version > 1:
        _draw_alignment(grid, side - 7)
    for i in range(8, side - 8):
        grid[6][i] = grid[i][6] = 1 - i % 2
    grid[side - 8][8] = 1
    _draw_format(grid, mask)
    return _filled(grid, bits, mask)


def _draw_finder(grid: Grid, top: int, left: int) -> None:
    """Seven by seven, and a light edge where there is room."""
    for y in range(max(top - 1, 0), min(top + 8, len(grid))):
        for x in range(max(left - 1, 0), min(left + 8, len(grid))):
            away = max(abs(y - top - 3), abs(x - left - 3))
            grid[y][x] = int(away in (0, 1, 3))


def _draw_alignment(grid: Grid, centre: int) -> None:
    for y in range(-2, 3):
        for x in range(-2, 3):
            grid[centre + y][centre + x] = int(max(abs(y), abs(x)) != 1)


def _draw_format(grid: Grid, mask: int) -> None:
    """Level M (00) and the mask, with their BCH remainder, twice."""
    rest = mask << 10
    for shift in range(4, -1, -1):
        if rest >> (shift + 10) & 1:
            rest ^= 0x537 << shift
    word, side = (mask << 10 | rest) ^ 0x5412, len(grid)
    for i in range(15):
        bit = word >> i & 1
        row = i if i < 6 else i + 1 if i < 8 else side - 15 + i
        column = side - 1 - i if i < 8 else 15 - i if i < 9 else 14 - i
        grid[row][8], grid[8][column] = bit, bit


def _filled(grid: Grid, bits: list[int], mask: int) -> list[list[int]]:
    """Codewords from the lower right, two columns at a time, up and down; masked."""
    side, stream = len(grid), iter(bits)
    for turn, right in enumerate([x for x in range(side - 1, 0, -2) if x > 6]
                                 + [x for x in range(5, 0, -2)]):
        for y in (range(side - 1, -1, -1) if turn % 2 == 0 else range(side)):
            for x in (right, right - 1):
                if grid[y][x] is None:
                    grid[y][x] = next(stream, 0) ^ _masked(mask, y, x)
    return [[dot or 0 for dot in row] for row in grid]


def _masked(mask: int, y: int, x: int) -> int:
    return int((
        (y + x) % 2, y % 2, x % 3, (y + x) % 3, (y // 2 + x // 3) % 2, y * x % 2 + y * x % 3,
        (y * x % 2 + y * x % 3) % 2, ((y + x) % 2 + y * x % 3) % 2)[mask] == 0)


def _penalty(grid: list[list[int]]) -> int:
    """Runs, blocks, things that look like finders, and imbalance."""
    lines = ["".join(map(str, row)) for row in (*grid, *zip(*grid, strict=True))]
    runs = sum(len(run) - 2 for line in lines
               for run in line.replace("01", "0 1").replace("10", "1 0").split() if len(run) >= 5)
    side = len(grid)
    blocks = sum(3 for y in range(side - 1) for x in range(side - 1)
                 if grid[y][x] == grid[y][x + 1] == grid[y + 1][x] == grid[y + 1][x + 1])
    finders = sum(40 for line in lines for i in range(len(line) - 10)
                  if line[i:i + 11] in ("10111010000", "00001011101"))
    dark = sum(map(sum, grid)) * 100 / side**2
    return runs + blocks + finders + int(abs(dark - 50) / 5) * 10
