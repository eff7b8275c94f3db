"""Student verification (学生认证): a card's picture or a number and a surname, looked at by an
operator. The picture and the words go with the decision; a hash and a date stay."""
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import select

from config.texts import Reply
from handlers import dialogue
from handlers.building import note_verified
from handlers.complaint.shared import photo_url
from handlers.notice import Notice, tell
from handlers.referral import look_again
from handlers.rider.application import is_operator, operators_of
from handlers.speaker import Speaker
from models.base import Session
from models.campus import Campus
from models.complaint import Photo
from models.person import Person
from models.student import ProofState, StudentProof, hash_of

YEARS: Final = 4       # from the year that a student number begins with
LONGEST_YEARS: Final = 9
LAST_MONTH: Final = 6  # of the last year
KEPT: Final = timedelta(days=3)  # as long as WeChat keeps a picture


def ask(session: Session, speaker: Speaker, *, now: datetime) -> Reply:
    """「学生认证」: how it is done, or that it has been."""
    until = speaker.person.student_until
    if until and until > now:
        return Reply("student.is_verified", {"until": month(until)})
    if StudentProof.waiting_of(session, speaker.person.id):
        return Reply("student.is_waiting")
    dialogue.ask(speaker.person, "ask_student", now=now)
    return Reply("student.how", {"until": month(_good_until(None, now))})


@dataclass(frozen=True, slots=True)
class Prove:
    """A number and a surname, or the picture of a card."""

    number: str | None = None
    name: str | None = None
    media_id: str | None = None


def prove(session: Session, speaker: Speaker, cmd: Prove, *, now: datetime) -> Reply:
    """Write it down, and show it to the operators. Said twice, the newer counts."""
    number_hash = hash_of(speaker.campus.id, cmd.number) if cmd.number else None
    if number_hash and _is_anothers(session, speaker.campus, number_hash, speaker.person.id):
        return Reply("student.taken")
    proof = StudentProof.waiting_of(session, speaker.person.id) or StudentProof(
        person_id=speaker.person.id, person=speaker.person, campus_id=speaker.campus.id,
        asked_at=now)
    if cmd.media_id:
        _forget_photo(session, proof)
        proof.photo = Photo.keep(session, speaker.person, cmd.media_id, now=now)
    else:
        proof.told, proof.number_hash = f"{cmd.number} {cmd.name}", number_hash
    proof.asked_at = now
    session.add(proof)
    session.flush()
    dialogue.clear(speaker.person)
    for operator_id in operators_of(session, speaker.campus):
        if operator_id != speaker.person.id:
            tell(session, Notice(operator_id, f"student:{proof.id}:{now.isoformat()}",
                                 chat=_shown(proof)), now=now)
    return Reply("student.sent")


def _shown(proof: StudentProof) -> Reply:
    photo = Reply("complaint.photo", {"url": photo_url(proof.photo)}) if proof.photo else None
    return Reply("student.look", {"number": proof.id, "told": proof.told or "", "photo": photo})


@dataclass(frozen=True, slots=True)
class Decide:
    """`number`: what an operator read on a card whose owner sent only its picture."""

    proof_id: int
    is_approved: bool
    number: str | None = None


def decide(session: Session, speaker: Speaker, cmd: Decide, *, now: datetime) -> Reply:
    """An operator's word. From a picture alone the number is asked for: one card, one person."""
    if not is_operator(session, speaker):
        return Reply("student.not_operator")
    proof = _locked(session, cmd.proof_id, speaker.campus.id)
    if proof is None or proof.state != ProofState.WAITING \
            or proof.person_id == speaker.person.id:
        return Reply("student.unknown", {"number": cmd.proof_id})
    if not cmd.is_approved:
        return _end(session, speaker, proof, ProofState.REFUSED, None, now=now)
    number = cmd.number or (proof.told or "").partition(" ")[0]
    if not number:
        dialogue.ask(speaker.person, "ask_student_number", now=now, proof_id=proof.id)
        return Reply("student.read_number", {"number": proof.id})
    proof.number_hash = hash_of(speaker.campus.id, number)
    if _is_anothers(session, speaker.campus, proof.number_hash, proof.person_id):
        return _end(session, speaker, proof, ProofState.REFUSED, None, now=now, key="student.taken")
    return _end(session, speaker, proof, ProofState.APPROVED, _good_until(number, now), now=now)


def _locked(session: Session, proof_id: int, campus_id: int) -> StudentProof | None:
    """The proof, its person locked before it: they may be sending another one just now."""
    person_id = session.scalar(select(StudentProof.person_id).filter_by(id=proof_id))
    if person_id is not None:
        session.execute(select(Person.id).filter_by(id=person_id).with_for_update(key_share=True))
    return StudentProof.lock(session, proof_id, campus_id)


def forget_old(session: Session, proof_id: int, *, now: datetime) -> None:
    """Nobody looked in three days, and WeChat has let go of the picture: it is asked for anew."""
    campus_id = session.scalar(select(StudentProof.campus_id).filter_by(id=proof_id)) or 0
    proof = _locked(session, proof_id, campus_id)
    if proof is not None and proof.state == ProofState.WAITING and proof.asked_at <= now - KEPT:
        _close(session, proof, ProofState.REFUSED, None, None, now=now,
               key="student.you_are_refused")


def waiting(session: Session, speaker: Speaker) -> Reply:
    """「学生认证待审」: what waits for an operator."""
    if not is_operator(session, speaker):
        return Reply("student.not_operator")
    proofs = session.query(StudentProof).filter_by(
        campus_id=speaker.campus.id, state=ProofState.WAITING).order_by(StudentProof.id)
    shown = [_shown(proof) for proof in proofs.limit(2)]
    return Reply("student.waiting", {"proofs": shown}) if shown else Reply("student.none_waiting")


def _end(session: Session, speaker: Speaker, proof: StudentProof, state: ProofState,
         until: datetime | None, *, now: datetime, key: str = "student.you_are_refused") -> Reply:
    dialogue.clear(speaker.person)
    _close(session, proof, state, until, speaker.person.id, now=now, key=key)
    return Reply(f"student.decided_{state}", {"number": proof.id})


def _close(session: Session, proof: StudentProof, state: ProofState, until: datetime | None,
           by: int | None, *, now: datetime, key: str) -> None:
    """Decide, tell, and forget the picture and the words."""
    if state is ProofState.APPROVED:
        for older in session.query(StudentProof).filter_by(
                person_id=proof.person_id, state=ProofState.APPROVED):
            older.state = ProofState.RENEWED
        session.flush()
        proof.person.student_until = until
        look_again(session, proof.person, now=now)
        note_verified(session, proof.person, now=now)
        key = "student.you_are_verified"
    else:
        proof.number_hash = None
    proof.state, proof.decided_at, proof.decided_by = state, now, by
    proof.told, proof.good_until = None, until
    _forget_photo(session, proof)
    tell(session, Notice(proof.person_id, f"student:{proof.id}:decided", chat=Reply(
        key, {"until": month(until) if until else ""})), now=now)


def _forget_photo(session: Session, proof: StudentProof) -> None:
    photo, proof.photo = proof.photo, None
    if photo is not None:
        session.flush()
        session.delete(photo)


def _is_anothers(session: Session, campus: Campus, number_hash: str, person_id: int) -> bool:
    found = StudentProof.approved_by_number(session, campus.id, number_hash)
    return found is not None and found.person_id != person_id


def _good_until(number: str | None, now: datetime) -> datetime:
    """The end of June of the year of graduation; of the next, where the number tells no year."""
    year = int(number[:4]) if number and number[:4].isdigit() else 0
    if now.year - LONGEST_YEARS < year <= now.year:
        return datetime(max(year + YEARS, now.year + (now.month > LAST_MONTH)), LAST_MONTH, 30,
                        15, tzinfo=UTC)
    return datetime(now.year + 1, LAST_MONTH, 30, 15, tzinfo=UTC)


def month(at: datetime) -> str:
    return f"{at.year}.{at.month}"
