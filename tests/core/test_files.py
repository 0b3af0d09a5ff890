"""Files are looked at before they are kept: what they are, what they hold, what they would become; and they lie under names of our own."""

from __future__ import annotations

import contextlib
import errno
import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ticketing.core import files, storage
from ticketing.core.errors import Invalid, NotFound
from ticketing.core.storage import Folder, NoRoom

MB = 1024 * 1024


def picture(kind: str = "PNG", size: tuple[int, int] = (8, 8), **options) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind, **options)
    return out.getvalue()


def packed(*parts: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        for name, data in parts:
            archive.writestr(name, data)
    return out.getvalue()


def checked(name: str, data: bytes, most: int = 10 * MB) -> files.Checked:
    return files.check(name, io.BytesIO(data), most_bytes=most)


PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


@pytest.mark.parametrize(("name", "data", "media_type"), [
    ("letter.pdf", PDF, "application/pdf"), ("Her letter.TXT", b"Dear Sirs,\nI waited.\n", "text/plain"),
    ("ward.png", picture(), "image/png"), ("ward.JPG", picture("JPEG"), "image/jpeg"), ("ward.webp", picture("WEBP"), "image/webp"),
    ("notes.docx", packed(("word/document.xml", b"<w/>")), "application/vnd.openxmlformats-officedocument.wordprocessingml.document")])
def test_what_people_send_is_taken(name, data, media_type):
    assert checked(name, data).media_type == media_type


@pytest.mark.parametrize(("name", "data", "sentence"), [
    ("run.exe", b"MZ\x90\x00", "a sort of file we cannot take"), ("page.html", b"<script>", "a sort of file we cannot take"),
    ("drawing.svg", b"<svg onload=alert(1)>", "a sort of file we cannot take"), ("noending", b"x", "a sort of file we cannot take"),
    ("letter.pdf", b"<html><script>alert(1)</script>", "is not a PDF document"), ("ward.png", PDF, "is not a PNG picture"),
    ("ward.jpg", picture("PNG"), "is not a JPEG picture"), ("photo.pdf.exe", PDF, "a sort of file we cannot take"),
    ("notes.docx", b"PK\x03\x04 broken", "is damaged"), ("empty.pdf", b"", "is empty"),
    ("big.txt", b"a" * (MB + 1), "is too large"), ("ward.png", picture()[:40], "picture"),
    ("notes.docx", packed(("../../etc/cron.d/x", b"x")), "written somewhere else"),
    ("notes.docx", packed(("C:\\x", b"x")), "written somewhere else"),
    ("notes.docx", packed(("word/vbaProject.bin", b"x")), "macros"),
    ("notes.docx", packed(("word/media.bin", b"\0" * (60 * MB))), "unpacks to far more"),
    ("notes.docx", packed(*((f"word/{number}", b"") for number in range(2_001))), "unpacks to far more"),
])
def test_what_is_not_what_it_says_or_would_do_harm_is_refused_with_a_sentence(name, data, sentence):
    with pytest.raises(Invalid, match=sentence) as refused:
        checked(name, data, MB)
    assert refused.value.field == "files"


def test_a_flood_of_pixels_is_refused_before_it_is_drawn():
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    flood = (b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
             + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT")))
    with pytest.raises(Invalid, match="too many pixels"):
        checked("ward.png", flood)


def test_a_picture_is_drawn_anew_without_what_else_it_carried():
    exif = Image.Exif()
    exif[0x010F] = "CANARY-CAMERA"
    sent = picture("JPEG", exif=exif) + b"<script>CANARY-TAIL</script>"
    assert b"CANARY-CAMERA" in sent
    kept = checked("ward.jpg", sent).data
    assert b"CANARY" not in kept
    assert Image.open(io.BytesIO(kept)).size == (8, 8)


@pytest.mark.parametrize(("given_name", "kept"), [
    ("../../etc/passwd.pdf", "passwd.pdf"), ("C:\\Users\\x\\letter.pdf", "letter.pdf"), ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie x.pdf"),
    ("\u202egnp.exe.pdf", "gnp.exe.pdf"), ("..pdf", "pdf"), ("", "file"), ("x" * 300 + ".pdf", "x" * 116 + ".pdf"), ("\ud800.pdf", "pdf")])
def test_a_name_is_only_ever_shown(given_name, kept):
    assert files.clean_name(given_name) == kept


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_name_becomes_one_that_can_be_shown(name):
    kept = files.clean_name(name)
    assert 0 < len(kept) <= files.LONGEST_NAME
    assert not files.UNSAFE_IN_NAMES.search(kept)
    kept.encode("utf-8")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2_000), st.sampled_from(sorted(files.KINDS)), st.booleans())
def test_any_bytes_are_kept_or_refused_and_never_break_anything(data, ending, has_head):
    heads = {"pdf": b"%PDF-1.4\n", "png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff\xe0", "docx": b"PK\x03\x04"}
    with contextlib.suppress(Invalid):
        assert checked(f"x.{ending}", (heads.get(ending, b"") if has_head else b"") + data).data


def test_without_the_library_a_sentence_says_so(monkeypatch):
    monkeypatch.setattr(files, "_library", lambda: None)
    with pytest.raises(files.Unavailable, match="libmagic"):
        checked("letter.pdf", PDF)


def test_the_store_keeps_under_names_of_its_own(tmp_path):
    store = Folder(tmp_path)
    key = store.put(b"one")
    with store.open(key) as file:
        assert file.read() == b"one"
    assert list(store.keys()) == [key]
    assert (tmp_path / key[:2] / key).stat().st_mode & 0o077 == 0
    for odd in ("../secret", "", "\0", "A" * 32, "/etc/passwd", key + "/../x"):
        with pytest.raises(NotFound):
            store.open(odd)
        with pytest.raises(NotFound):
            store.delete(odd)
    store.delete(key)
    store.delete(key)
    with pytest.raises(NotFound):
        store.open(key)


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def full(path, data):
        path.write_bytes(data[:1])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage, "_write", full)
    with pytest.raises(NoRoom, match="no room left") as refused:
        Folder(tmp_path).put(b"one")
    assert refused.value.status == 507
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
