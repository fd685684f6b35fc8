# The types of frames.py, for Cython.

cimport cython

from .masking cimport Masker, mask, unmask
from .singleframes cimport textAt

cdef int _FIN, _ANY_RSV, _OPCODE, _CONTROL, _MOST_MESSAGES, _MASKED, _LENGTH
cdef int _TWO_BYTE_LENGTH, _EIGHT_BYTE_LENGTH, _WHOLE_TEXT, _WHOLE_BINARY
cdef tuple _BYTES

cdef class FrameParser:
    cdef readonly int opcode, rsv
    cdef readonly bint hasMore, isFinal
    cdef readonly object maxMessageSize

    cdef int _continuationRSV, _firstRSV, _messageRSV, _nextRSV
    cdef int _masked, _nextOpcode
    cdef bint _isInMessage, _nextIsFinal
    cdef Py_ssize_t _fragments, _maxLength, _offset
    cdef long long _messageSize, _missing
    cdef list _arrived
    cdef object _buffer, _maxFragments, _whole
    cdef Masker _masker

    cpdef receiveData(self, data)
    @cython.locals(
        buffer=bytes, messages=list, first=int, headerSize=int, isWhole=bint, masked=int,
        begin=Py_ssize_t, end=Py_ssize_t, more=int, size=Py_ssize_t, start=Py_ssize_t,
        length=cython.longlong,
    )
    cpdef list nextMessages(self)
    cpdef frameOf(self, payload)
    cpdef nextPayload(self)
    @cython.locals(
        first=int, isWhole=bint, second=int, size=int,
        end=Py_ssize_t, start=Py_ssize_t, length=cython.longlong,
    )
    cdef _parse(self)
    cdef _begin(self, int first, Py_ssize_t start, long long length)
    @cython.locals(length=Py_ssize_t)
    cdef _parseMissing(self)
    cdef _count(self, int first, long long length)
    cdef _checkHeader(self, int first, int second)
    cdef _checkRSV(self, int opcode, int rsv)
    cdef _checkLimits(self, int first, long long length)


@cython.locals(first=int, second=int, masked=int, header=bytes)
cpdef bytes serializeHeader(
    int opcode, Py_ssize_t length, bint isFinal, int rsv, maskingKey
)
@cython.locals(length=cython.longlong, place=Py_ssize_t)
cdef long long _parseLength(bytes buffer, Py_ssize_t start, int size) except -2
