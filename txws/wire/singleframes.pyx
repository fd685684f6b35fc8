"""
Messages in one frame: what C{singleframes.py} does, for the compiled wire.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_DecodeUTF8, PyUnicode_GET_LENGTH
from libc.string cimport memcpy

from .masking cimport payloadAt, xor

__all__ = ["serializeMessage", "textAt"]

cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t length, Py_UCS4 largest)
    void* PyUnicode_DATA(object text)
    bint PyUnicode_IS_ASCII(object text)
    int PyUnicode_READY(object text) except -1


cpdef str textAt(buffer, Py_ssize_t start, Py_ssize_t end, bint isMasked):
    """
    Decode a text where it lies in what was received: right after its key, if it is
    masked.

    @raise UnicodeDecodeError: if it is not UTF-8.
    """
    cdef const unsigned char* payload = payloadAt(buffer, start, end, 4 if isMasked else 0)
    cdef Py_ssize_t length = end - start
    if not length or not isMasked:
        return PyUnicode_DecodeUTF8(<const char*>payload, length, NULL)
    text = PyUnicode_New(length, 127)
    cdef unsigned char* target = <unsigned char*>PyUnicode_DATA(text)
    if xor(target, payload, length, payload - 4) < 128:
        return text
    # It is not the text that it says it is, but nobody has seen it.
    return PyUnicode_DecodeUTF8(<const char*>target, length, NULL)


cpdef bytes serializeMessage(message):
    """
    Serialize a message of up to 65,535 bytes in one frame that is not masked.

    @raise OverflowError: if it has more.
    @raise UnicodeEncodeError: if it has surrogates, which UTF-8 cannot say.
    """
    cdef bytes payload, frame
    cdef const void* source
    cdef Py_ssize_t length
    cdef bint isText = isinstance(message, str)
    if isText and not PyUnicode_READY(message) and PyUnicode_IS_ASCII(message):
        length, source = PyUnicode_GET_LENGTH(message), PyUnicode_DATA(message)
    else:
        payload = message if type(message) is bytes else str.encode(message)
        length, source = len(payload), PyBytes_AS_STRING(payload)
    if length > 0xFFFF:
        raise OverflowError("int too big to convert")
    cdef int size = 2 if length < 126 else 4
    frame = PyBytes_FromStringAndSize(NULL, size + length)
    cdef unsigned char* target = <unsigned char*>PyBytes_AS_STRING(frame)
    target[0], target[1] = 0x81 if isText else 0x82, <unsigned char>length
    if size == 4:
        target[1], target[2], target[3] = 126, length >> 8, length & 0xFF
    memcpy(target + size, source, length)
    return frame
