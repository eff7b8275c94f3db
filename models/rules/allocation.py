"""What was really paid for each part of an order, where a discount was taken off the whole."""
from collections.abc import Sequence


def shares(amounts_fen: Sequence[int], total_fen: int) -> list[int]:
    """Divide `total_fen` in proportion to `amounts_fen`, to the fen: the sum is `total_fen`.

    Largest remainders get the odd fen, earlier parts first among equals. Where nothing has a
    weight, the first part takes all. `total_fen` and all amounts are not negative.
    """
    whole = sum(amounts_fen)
    if not amounts_fen:
        return []
    if whole == 0:
        return [total_fen] + [0] * (len(amounts_fen) - 1)
    exact = [divmod(amount * total_fen, whole) for amount in amounts_fen]
    given = [fen for fen, _ in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (-exact[i][1], i))
    for i in by_remainder[:total_fen - sum(given)]:
        given[i] += 1
    return given
