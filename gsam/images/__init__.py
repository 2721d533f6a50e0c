"""Images in tar shards with a table of their people: written once, read by index without unpacking.

A folder holds, per split, `<split>-00000.tar` … (plain tar, JPEG members) and `<split>.parquet`
(schema IMAGES). The table says where in which shard each JPEG lies, so a reader maps the shards
into memory and jumps; nothing is decoded until asked for.
"""

from gsam.images.jpeg import decode_jpeg, encode_jpeg, jpeg_size
from gsam.images.people import People
from gsam.images.reader import ImageSet
from gsam.images.writer import ImageWriter

__all__ = ["ImageSet", "ImageWriter", "People", "decode_jpeg", "encode_jpeg", "jpeg_size"]
