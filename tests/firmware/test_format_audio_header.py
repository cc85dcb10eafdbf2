import io
import struct

import numpy as np
import pytest
import soundfile as sf
from audio_bytes import (
    aiff,
    by_libsndfile,
    chunk,
    comm,
    extensible,
    fmt,
    form,
    riff,
    wav,
)
from hypothesis import given
from hypothesis import strategies as st

from firmware.formats import FormatError, sniff
from firmware.formats.audio_header import MAX_CHUNKS, parse_bytes, parse_header
from native.types import Encoding

DTYPES = {
    Encoding.U8: "u1",
    Encoding.S16_LE: "<i2",
    Encoding.S16_BE: ">i2",
    Encoding.S32_LE: "<i4",
    Encoding.S32_BE: ">i4",
    Encoding.F32_LE: "<f4",
    Encoding.F32_BE: ">f4",
}

LIBSNDFILE = [
    ("WAV", "PCM_U8", "FILE", Encoding.U8),
    ("WAV", "PCM_16", "FILE", Encoding.S16_LE),
    ("WAV", "PCM_24", "FILE", Encoding.S24_LE),
    ("WAV", "PCM_32", "FILE", Encoding.S32_LE),
    ("WAV", "FLOAT", "FILE", Encoding.F32_LE),
    ("WAV", "PCM_16", "BIG", Encoding.S16_BE),
    ("WAV", "PCM_24", "BIG", Encoding.S24_BE),
    ("WAV", "FLOAT", "BIG", Encoding.F32_BE),
    ("WAVEX", "PCM_16", "FILE", Encoding.S16_LE),
    ("WAVEX", "PCM_24", "FILE", Encoding.S24_LE),
    ("WAVEX", "FLOAT", "FILE", Encoding.F32_LE),
    ("RF64", "PCM_16", "FILE", Encoding.S16_LE),
    ("RF64", "PCM_24", "FILE", Encoding.S24_LE),
    ("AIFF", "PCM_16", "FILE", Encoding.S16_BE),
    ("AIFF", "PCM_24", "FILE", Encoding.S24_BE),
    ("AIFF", "PCM_32", "FILE", Encoding.S32_BE),
    ("AIFF", "PCM_16", "LITTLE", Encoding.S16_LE),
    ("AIFF", "PCM_U8", "FILE", Encoding.U8),
    ("AIFF", "FLOAT", "FILE", Encoding.F32_BE),
]


@pytest.mark.parametrize(("container", "subtype", "endian", "encoding"), LIBSNDFILE)
@pytest.mark.parametrize("channels", [1, 2])
def test_files_of_libsndfile(container, subtype, endian, encoding, channels):
    data = by_libsndfile(container, subtype, channels, 22_050, endian=endian)
    header = parse_bytes(data)
    assert (header.encoding, header.channels, header.rate, header.frames) == (encoding, channels, 22_050, 138)
    assert not header.truncated
    assert not header.remarks
    if encoding in DTYPES:
        ours = np.frombuffer(data, DTYPES[encoding], 138 * channels, header.data_offset).astype("f8")
        kind = "float64" if "FLOAT" in subtype else "int32"
        theirs = sf.read(io.BytesIO(data), dtype=kind, always_2d=True)[0].ravel().astype("f8")
        scale = {"u1": 1 << 24, "i2": 1 << 16}.get(DTYPES[encoding][-2:], 1)
        assert np.array_equal((ours - (128 if encoding is Encoding.U8 else 0)) * scale, theirs)


@pytest.mark.parametrize(
    ("container", "subtype", "codec"),
    [
        ("WAV", "ULAW", "mu-law"),
        ("WAV", "ALAW", "A-law"),
        ("WAV", "IMA_ADPCM", "IMA ADPCM"),
        ("WAV", "MS_ADPCM", "Microsoft ADPCM"),
        ("WAV", "GSM610", "GSM 6.10"),
        ("WAV", "DOUBLE", "float"),
        ("AIFF", "ULAW", "mu-law"),
        ("AIFF", "DOUBLE", "float"),
        ("AIFF", "PCM_S8", "PCM"),
    ],
)
def test_codecs_that_the_engine_does_not_read_are_named(container, subtype, codec):
    header = parse_bytes(by_libsndfile(container, subtype, 1, 8000))
    assert (header.codec, header.encoding, header.frames) == (codec, None, 0)


@pytest.mark.parametrize(
    ("container", "subtype", "kind"),
    [("FLAC", "PCM_16", "flac"), ("OGG", "VORBIS", "ogg"), ("W64", "PCM_16", "w64"), ("CAF", "PCM_16", "caf"),
     ("AU", "PCM_16", "au"), ("MP3", "MPEG_LAYER_III", "mp3")],
)  # fmt: skip
def test_other_containers_are_named(container, subtype, kind):
    header = parse_bytes(by_libsndfile(container, subtype, 2, 44_100, frames=5000))
    assert (header.container, header.codec, header.frames) == (kind, sniff.KNOWN[kind], 0)


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"ID3\4" + bytes(20), "mp3"), (b"\xff\xf1\x50\x80" + bytes(20), "aac"), (b"\0\0\0\x20ftypM4A ", "m4a"),
     (b"RFWV" + bytes(508), "smp"), (b"FORM\0\0\0\x048SVX", "8svx")],
)  # fmt: skip
def test_magic(data, kind):
    assert parse_bytes(data).container == kind


@pytest.mark.parametrize(
    ("data", "what"),
    [(b"PK\3\4" + bytes(20), "ZIP"), (b"hello, world", "text"), (bytes(100), "zeros"),
     (b"\1\2\3\xff", "01 02 03 ff"), (b"RIFF\4\0\0\0AVI ", "RIFF file of another kind"),
     (b"\0\5\x16\7" + bytes(9), "AppleDouble"), (b"R", "text")],
)  # fmt: skip
def test_what_is_no_audio_is_described(data, what):
    with pytest.raises(FormatError, match=what) as caught:
        parse_bytes(data)
    assert caught.value.id == "not-audio"


def test_empty_file():
    with pytest.raises(FormatError, match="empty") as caught:
        parse_bytes(b"")
    assert caught.value.id == "empty-file"


def test_chunks_before_the_data_and_odd_padding():
    data = riff(
        chunk(b"LIST", b"abc"), chunk(b"fmt ", fmt(1)), chunk(b"junk", b"x" * 5001), chunk(b"data", b"\1\2")
    )
    header = parse_bytes(data)
    assert (header.data_offset, header.frames) == (len(data) - 2, 1)
    assert header.chunks == ("LIST", "fmt ", "junk", "data")


@pytest.mark.parametrize("length", [1, 13, 603, 5001])
@pytest.mark.parametrize("name", [b"LIST", b"bext", b"odd "])
def test_an_odd_chunk_without_padding_hides_no_audio(name, length):
    loose = chunk(name, b"d" * length)[:-1]
    parts = [chunk(b"fmt ", fmt(1)), chunk(b"data", b"\1\2\3\4")]
    for at in (0, 1):
        data = riff(*parts[:at], loose, *parts[at:])
        header = parse_bytes(data)
        assert (header.data_offset, header.frames) == (len(data) - 4, 2)
        assert header.unpadded == (name.decode(),)
    big = [chunk(b"COMM", comm(1, 2), ">"), chunk(b"SSND", bytes(8) + b"\1\2\3\4", ">")]
    for at in (0, 1):
        data = form(*big[:at], chunk(name, b"d" * length, ">")[:-1], *big[at:])
        header = parse_bytes(data)
        assert (header.data_offset, header.frames) == (len(data) - 4, 2)
        assert header.unpadded == (name.decode(),)


def test_an_odd_chunk_at_the_end_of_a_file_ends_it():
    with pytest.raises(FormatError, match="'fmt '"):
        parse_bytes(riff(chunk(b"LIST", b"abc")[:-1]))


def test_extensible_says_valid_bits():
    header = parse_bytes(riff(chunk(b"fmt ", extensible(bits=32, valid=24)), chunk(b"data", bytes(16))))
    assert (header.bits, header.encoding, header.frames) == (24, Encoding.S32_LE, 2)


def test_unknown_subformat_is_no_pcm():
    body = bytearray(extensible())
    body[-1] ^= 1
    header = parse_bytes(riff(chunk(b"fmt ", bytes(body)), chunk(b"data", bytes(16))))
    assert (header.codec, header.encoding) == ("codec 0xFFFE", None)


@pytest.mark.parametrize("cut", [1, 100, 3999, 4000])
def test_truncated_wav_shows_both_sizes(cut):
    data = wav(1000)[:-cut]
    header = parse_bytes(data)
    assert header.truncated
    assert (header.declared_bytes, header.data_bytes) == (4000, 4000 - cut)
    assert header.frames == (4000 - cut) // 4


@pytest.mark.parametrize("declared", [0x7FFFFFFF, 0xFFFFFFF0, 0xFFFFFFFF, 5000])
def test_a_data_size_that_lies_alone_is_truncated(declared):
    data = riff(chunk(b"fmt ", fmt()), chunk(b"data", bytes(4000), size=declared))
    header = parse_bytes(data)
    assert header.truncated
    assert not header.unfinished
    assert header.data_bytes == 4000


@pytest.mark.parametrize(
    ("riff_size", "data_size"), [(0xFFFFFFFF, 0xFFFFFFFF), (0, 0), (36, 0), (0, 0xFFFFFFFF)]
)
def test_sizes_never_filled_in_mean_all_the_rest(riff_size, data_size):
    header = parse_bytes(
        riff(chunk(b"fmt ", fmt()), chunk(b"data", bytes(4000), size=data_size), size=riff_size)
    )
    assert header.unfinished
    assert not header.truncated
    assert header.frames == 1000


def test_zero_data_is_zero_data():
    for data in (
        riff(chunk(b"fmt ", fmt()), chunk(b"data", b"")),
        wav(1000)[:40] + bytes(4) + wav(1000)[44:],
    ):
        header = parse_bytes(data)
        assert (header.frames, header.unfinished, header.truncated) == (0, False, False)


def test_riff_size_beyond_the_file_is_remarked():
    header = parse_bytes(riff(chunk(b"fmt ", fmt()), chunk(b"data", bytes(40)), size=10**6))
    assert header.remarks
    assert header.frames == 10


def test_rf64_takes_its_size_from_ds64():
    ds64 = struct.pack("<QQQI", 1 << 40, 4000, 1000, 0)
    data = riff(chunk(b"ds64", ds64), chunk(b"fmt ", fmt()), chunk(b"data", bytes(4000), size=0xFFFFFFFF),
                magic=b"RF64", size=0xFFFFFFFF)  # fmt: skip
    assert parse_bytes(data).frames == 1000
    with pytest.raises(FormatError, match="ds64"):
        parse_bytes(riff(chunk(b"fmt ", fmt()), chunk(b"data", b"", size=0xFFFFFFFF), magic=b"RF64"))


@pytest.mark.parametrize(
    "data",
    [
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0\0\0WAVEfmt ",
        riff(chunk(b"data", bytes(40))),
        riff(chunk(b"fmt ", fmt()[:10]), chunk(b"data", bytes(40))),
        riff(chunk(b"fmt ", fmt(align=7)), chunk(b"data", bytes(40))),
        riff(chunk(b"fmt ", extensible()[:24]), chunk(b"data", bytes(40))),
        riff(chunk(b"fmt ", extensible(bits=16, valid=24)), chunk(b"data", bytes(40))),
        riff(chunk(b"fmt ", fmt(), size=0xFFFFFFFF), chunk(b"data", bytes(40))),
        riff(*[chunk(b"junk", b"")] * (MAX_CHUNKS + 1), chunk(b"fmt ", fmt()), chunk(b"data", bytes(40))),
        form(chunk(b"COMM", comm()[:17], ">")),
        form(chunk(b"SSND", bytes(20), ">")),
        form(chunk(b"COMM", comm(), ">")),
        form(*[chunk(b"ANNO", b"", ">")] * (MAX_CHUNKS + 1)),
        form(chunk(b"COMM", comm(), ">"), kind=b"AIFC"),
    ],
)
def test_headers_that_cannot_be_believed(data):
    with pytest.raises(FormatError) as caught:
        parse_bytes(data)
    assert "\n" not in str(caught.value)
    assert caught.value.id in ("bad-header", "no-audio-data")


@pytest.mark.parametrize("rate", [8000, 11_025, 44_100, 96_000, 192_000, 1])
def test_aiff_rates(rate):
    assert parse_bytes(aiff(rate=rate)).rate == rate


@pytest.mark.parametrize(
    ("kind", "bits", "encoding"),
    [(b"sowt", 16, Encoding.S16_LE), (b"twos", 24, Encoding.S24_BE), (b"in24", 24, Encoding.S24_BE),
     (b"42ni", 24, Encoding.S24_LE), (b"in32", 32, Encoding.S32_BE), (b"23ni", 32, Encoding.S32_LE),
     (b"FL32", 32, Encoding.F32_BE), (b"raw ", 8, Encoding.U8), (b"NONE", 8, None)],
)  # fmt: skip
def test_aifc_compression_types(kind, bits, encoding):
    header = parse_bytes(aiff(bits=bits, compression=kind))
    assert header.encoding is encoding
    assert header.frames == (1000 if encoding is not None else 0)


def test_aiff_that_promises_too_much():
    short = form(chunk(b"COMM", comm(frames=2000), ">"), chunk(b"SSND", bytes(8 + 4000), ">"))
    cut = aiff(1000)[:-100]
    lying = form(chunk(b"COMM", comm(frames=1000), ">"), chunk(b"SSND", bytes(8 + 4000), ">", size=1 << 31))
    offset = form(
        chunk(b"COMM", comm(), ">"), chunk(b"SSND", struct.pack(">II", 1 << 31, 0) + bytes(4000), ">")
    )
    for data in (short, cut, lying, offset):
        header = parse_bytes(data)
        assert header.truncated
        assert header.data_offset + header.data_bytes <= max(len(data), header.data_offset)


def test_aiff_common_chunk_may_follow_the_sound():
    header = parse_bytes(form(chunk(b"SSND", bytes(8 + 4000), ">"), chunk(b"COMM", comm(), ">")))
    assert header.frames == 1000


def test_one_read_serves_a_plain_header_and_work_is_bounded():
    calls = []

    def counted(data):
        def read(offset, n):
            calls.append(n)
            return data[offset : offset + n]

        return read

    data = wav(100_000)
    parse_header(counted(data), len(data))
    assert len(calls) == 1
    calls.clear()
    many = riff(*[chunk(b"junk", bytes(4096))] * 1000)
    with pytest.raises(FormatError, match="chunks"):
        parse_header(counted(many), len(many))
    assert len(calls) <= MAX_CHUNKS + 1


HEADS = [
    wav(8),
    aiff(8),
    aiff(8, compression=b"sowt"),
    riff(chunk(b"fmt ", extensible()), chunk(b"data", bytes(64))),
]


@given(st.sampled_from(HEADS), st.data())
def test_any_damage_gives_a_header_or_a_sentence(head, data):
    broken = bytearray(head)
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    check_any(bytes(broken[: data.draw(st.integers(0, len(broken)))]))


@given(st.binary(max_size=200))
def test_any_bytes(data):
    check_any(data)


def check_any(data):
    try:
        header = parse_bytes(data)
    except FormatError:
        return
    assert 0 <= header.data_bytes <= header.declared_bytes
    assert header.data_bytes == 0 or header.data_offset + header.data_bytes <= len(data)
    assert header.frames * header.frame_bytes <= header.data_bytes
