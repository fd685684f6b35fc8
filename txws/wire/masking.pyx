"""
Masking of payloads, RFC 6455 section 5.3: what C{masking.py} does, for the
compiled wire.

Eight bytes at a time, which C compilers make more of.  They are copied in and
out, so that a payload may begin anywhere in memory.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_AsString, PyBytes_FromStringAndSize
from cpython.bytes cimport PyBytes_GET_SIZE
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

__all__ = ["Masker", "mask", "unmask"]


cdef class Masker:
    """
    Masks a payload that comes in pieces.
    """

    def __init__(self, bytes maskingKey):
        """
        @param maskingKey: four bytes.
        """
        if len(maskingKey) != 4:
            raise ValueError(f"a masking key has 4 bytes, not {len(maskingKey)}")
        memcpy(self._key, PyBytes_AS_STRING(maskingKey), 4)

    cpdef bytes process(self, payload):
        """
        Mask the next piece.

        @param payload: the piece.
        """
        cdef const unsigned char[:] view = payload
        cdef Py_ssize_t length = view.shape[0]
        cdef unsigned char key[4]
        cdef int place
        if not length:
            return b""
        if view.strides[0] != 1:
            # Every other byte of a buffer, or all of it backwards.
            return self.process(bytes(payload))
        memcpy(key, self._key, 4)
        # The key for the piece after this one.
        for place in range(4):
            self._key[place] = key[(length + place) & 3]
        return masked(&view[0], length, key)


cpdef bytes mask(payload, bytes maskingKey):
    """
    Mask a whole payload, or unmask it, which is the same.

    @param payload: the payload.
    @param maskingKey: four bytes.
    """
    return Masker(maskingKey).process(payload)


cpdef bytes unmask(buffer, Py_ssize_t start, Py_ssize_t end):
    """
    Unmask a payload where it lies in what was received: right after its key.

    @param buffer: what was received.
    @param start: where the payload begins.
    @param end: where it ends.
    """
    cdef const unsigned char* payload = payloadAt(buffer, start, end, 4)
    return masked(payload, end - start, payload - 4)


cdef const unsigned char* payloadAt(
    buffer, Py_ssize_t start, Py_ssize_t end, Py_ssize_t keySize
) except NULL:
    """
    Find a payload, which has its key right before it.
    """
    cdef const unsigned char* received = <const unsigned char*>PyBytes_AsString(buffer)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(buffer)
    if not keySize <= start <= end <= size:
        raise ValueError(f"{size} bytes hold no payload from {start} to {end}")
    return received + start


cdef bytes masked(
    const unsigned char* payload, Py_ssize_t length, const unsigned char* key
):
    """
    Make the payload with the key's bytes.
    """
    cdef bytes result = PyBytes_FromStringAndSize(NULL, length)
    xor(<unsigned char*>PyBytes_AS_STRING(result), payload, length, key)
    return result


cdef int xor(
    unsigned char* target,
    const unsigned char* payload,
    Py_ssize_t length,
    const unsigned char* key,
) noexcept:
    """
    Write a payload with the key's bytes.

    @return: all bits that are in what is written.
    """
    cdef Py_ssize_t aligned = length & ~<Py_ssize_t>7
    cdef Py_ssize_t place
    cdef uint64_t keys
    cdef uint64_t word
    cdef uint64_t words = 0
    memcpy(&keys, key, 4)
    memcpy(<unsigned char*>&keys + 4, key, 4)
    for place in range(0, aligned, 8):
        memcpy(&word, payload + place, 8)
        word ^= keys
        words |= word
        memcpy(target + place, &word, 8)
    for place in range(aligned, length):
        target[place] = payload[place] ^ key[place & 3]
        words |= target[place]
    words |= words >> 32
    words |= words >> 16
    return (words | words >> 8) & 0xFF
