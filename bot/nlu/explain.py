"""How a message was read, for operators: cells, phrases, the rule that answered."""
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.nlu.lexicon import Lexicon
from bot.nlu.nouns import with_short_names
from bot.nlu.reading import Cell, Reading, read
from bot.nlu.understand import understand


def explained(text: str, lexicon: Lexicon, context: Mapping[str, Any], *, now: datetime,
              role: str = "student") -> str:
    """Tokens, candidates, classes of phrases, and the result with why, one a line."""
    reading = with_short_names(read(text, lexicon), context)
    found = understand(text, lexicon, context, now=now, role=role)
    lines = [f"text        {reading.text}"]
    lines += [f"  {cell.start:>3}-{cell.end:<3} {cell.kind} "
              f"{reading.text[cell.start:cell.end]}  {_candidates(cell, reading)}"
              for cell in reading.cells]
    lines += [f"cues        {', '.join(sorted(reading.cues)) or '-'}",
              f"unexplained {reading.residue or '-'}"]
    lines += [f"why         {note}" for note in found.why]
    lines += [f"intent      {found.intent}  confidence {found.confidence}  action {found.action}"]
    lines += [f"  {key:<14} {value}" for key, value in found.slots.items()]
    lines += [f"  tie           {' | '.join(tie)}" for tie in found.ties if len(tie) > 1]
    return "\n".join(lines)


def _candidates(cell: Cell, reading: Reading) -> str:
    score = f"{cell.score:.1f}{'' if cell.sure else ' guessed'}"
    if cell.kind == "D":
        names = [f"{dish}={reading.lexicon.dishes[dish].name}" for dish in cell.value[0]]
        return f"{score}  {' | '.join(names)}"
    if cell.kind in "SPEQMXCGKAON":
        return f"{score}  {cell.value}"
    if cell.kind == "w":
        return f"{score}  {', '.join(sorted(cell.value))}"
    return score
