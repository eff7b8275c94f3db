"""Temporary materials: uploaded or sent by a person, kept three days (fact sheet B7)."""
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import FileStorage

from simulator.api_errors import ApiError

if TYPE_CHECKING:
    from simulator.world import World

MB = 2**20
# kind → (most bytes, name endings)
LIMITS = {
    "image": (10 * MB, (".png", ".jpg", ".jpeg", ".gif", ".bmp")),
    "voice": (2 * MB, (".amr", ".mp3")),
    "video": (10 * MB, (".mp4",)),
    "thumb": (64 * 1024, (".jpg", ".jpeg")),
}
TYPES = {"image": "image/jpeg", "voice": "audio/amr", "video": "video/mpeg4",
         "thumb": "image/jpeg"}


def upload(world: "World", kind: str | None, file: FileStorage | None) -> dict[str, Any]:
    """media/upload of the multipart field `media`."""
    if kind not in LIMITS:
        raise ApiError(40004, "invalid media type")
    if file is None:
        raise ApiError(41005, "media data missing")
    most, endings = LIMITS[kind]
    if not (file.filename or "").lower().endswith(endings):
        raise ApiError(40005, "invalid file type")
    content = file.read(most + 1)
    if not content:
        raise ApiError(44001, "empty media data")
    if len(content) > most:
        raise ApiError(45001, "media size out of limit")
    media_id = world.add_media(kind, content)
    name = "thumb_media_id" if kind == "thumb" else "media_id"
    return {"type": kind, name: media_id, "created_at": int(world.now())}


def get(world: "World", media_id: str | None) -> tuple[bytes, str]:
    """media/get: the bytes and their content type."""
    if not media_id:
        raise ApiError(41006, "missing media_id")
    with world.lock:
        known = world.media.get(media_id)
        if known is None or known["until"] < world.now():
            raise ApiError(40007, "invalid media_id")
        return world.media_bytes[media_id], TYPES[known["type"]]
