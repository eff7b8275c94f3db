"""Every difference that is planted is found, and nothing else."""
from hypothesis import given
from hypothesis import strategies as st

from models.rules.reconcile import Bills, Difference, Kind, Moved, Wrong, apart, differences

moved = st.builds(Moved, st.sampled_from([Kind.PAYMENT, Kind.REFUND]),
                  st.text("abc123", min_size=1, max_size=6), st.integers(-5000, 5000),
                  st.sampled_from(["w1", "w2"]))
books = st.lists(moved, max_size=12, unique_by=lambda each: (each.kind, each.number))
OF_THE_BOOKS = [Wrong.NOT_OURS, Wrong.NOT_BOOKED, Wrong.NOT_THEIRS, Wrong.AMOUNT, Wrong.NUMBER,
                Wrong.TWICE]
PLANTS = st.lists(st.sampled_from([None, *OF_THE_BOOKS]), min_size=12, max_size=12)


def compare(theirs, booked, known=None):
    known = [(each.kind, each.number) for each in (booked if known is None else known)]
    return differences(theirs, booked, due=booked, known=known)


@given(books)
def test_books_that_agree_have_no_difference(book):
    assert compare(book, book) == []


FEES = st.decimals(-50, 50, places=3)


@given(books, st.lists(st.tuples(FEES, st.sampled_from([None, Wrong.NO_FLOW, Wrong.NO_TRADE,
                                                        Wrong.FEE])), min_size=12, max_size=12))
def test_where_the_two_bills_differ_it_is_found_and_rounding_is_no_difference(book, plants):
    traded, flowed, wanted = {}, {}, []
    for each, (fee, wrong) in zip(book, plants, strict=False):
        number, charged = (each.kind, each.number), round(fee)
        if wrong is not Wrong.NO_TRADE:
            traded[number] = fee
        if wrong is not Wrong.NO_FLOW:
            flowed[number] = charged + 2 * (wrong is Wrong.FEE)
        if wrong and (wrong, each.kind) != (Wrong.NO_TRADE, Kind.REFUND):
            wanted.append((wrong, *number))
    flowed[Kind.PAYMENT, "another"] = 1  # fees are charged there
    found = apart(book, Bills(traded, flowed))
    assert [(each.wrong, each.kind, each.number) for each in found] == wanted


@given(books, PLANTS)
def test_each_planted_difference_is_found_and_nothing_else(book, plants):
    theirs, booked, known, wanted = [], [], list(book), []
    for each, wrong in zip(book, plants, strict=False):
        kind, number, fen = each.kind, each.number, each.amount_fen
        ours, told = [each], [each]
        match wrong:
            case Wrong.NOT_OURS | Wrong.NOT_BOOKED:
                ours = []
                wanted.append(Difference(wrong, kind, number, None, fen))
                if wrong is Wrong.NOT_OURS:
                    known.remove(each)
            case Wrong.NOT_THEIRS:
                told = []
                wanted.append(Difference(wrong, kind, number, fen, None))
            case Wrong.AMOUNT:
                told = [Moved(kind, number, fen + 1, each.wechat_number)]
                wanted.append(Difference(wrong, kind, number, fen, fen + 1))
            case Wrong.NUMBER:
                told = [Moved(kind, number, fen, "w3")]
                wanted.append(Difference(wrong, kind, number, fen, fen))
            case Wrong.TWICE:
                told = [each, each]
                wanted.append(Difference(wrong, kind, number, None, None))
        booked += ours
        theirs += told
    assert sorted(compare(theirs, booked, known), key=str) == sorted(wanted, key=str)
