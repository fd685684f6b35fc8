# The types of frames.py, for Cython.

cimport cython

from .masking cimport Masker, mask, unmask

cdef int _FIN
cdef int _ANY_RSV
cdef int _OPCODE
cdef int _CONTROL
cdef int _MOST_MESSAGES
cdef int _MASKED
cdef int _LENGTH
cdef int _TWO_BYTE_LENGTH
cdef int _EIGHT_BYTE_LENGTH
cdef int _WHOLE_TEXT
cdef int _WHOLE_BINARY
cdef tuple _BYTES


cdef class FrameParser:
    cdef readonly int opcode
    cdef readonly bint isFinal
    cdef readonly int rsv

    cdef list _arrived
    cdef object _buffer
    cdef int _continuationRSV
    cdef int _firstRSV
    cdef Py_ssize_t _fragments
    cdef bint _isInMessage
    cdef int _keySize
    cdef int _masked
    cdef Masker _masker
    cdef object _maxFragments
    cdef Py_ssize_t _maxLength
    cdef object _maxMessageSize
    cdef int _messageRSV
    cdef long long _messageSize
    cdef long long _missing
    cdef bint _nextIsFinal
    cdef int _nextOpcode
    cdef int _nextRSV
    cdef Py_ssize_t _offset
    cdef object _whole

    cpdef receiveData(self, data)
    @cython.locals(
        buffer=bytes,
        messages=list,
        start=Py_ssize_t,
        size=Py_ssize_t,
        headerSize=int,
        masked=int,
        first=int,
        isText=bint,
        payload=bytes,
        length=Py_ssize_t,
        begin=Py_ssize_t,
        end=Py_ssize_t,
    )
    cpdef list nextMessages(self)
    cpdef frameOf(self, payload)
    cpdef nextPayload(self)
    @cython.locals(
        start=Py_ssize_t,
        first=int,
        second=int,
        isWhole=bint,
        length=cython.longlong,
        size=int,
        end=Py_ssize_t,
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
cdef Py_ssize_t _parseShortLength(
    bytes buffer, Py_ssize_t start, Py_ssize_t length
) except -2
cdef long long _parseLength(bytes data, int size) except -2
