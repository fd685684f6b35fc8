# The types of sending.py, for Cython.

cimport cython

from .contract cimport WireConnection
from .frames cimport serializeHeader
from .masking cimport mask

cdef object _OPEN
cdef object _CLOSE_SENT
cdef object _TEXT
cdef object _BINARY
cdef int _SHORT
cdef tuple _SHORT_HEADERS


cdef class SendingHalf(WireConnection):
    cdef object _begun
    cdef tuple _extensions
    cdef object _fragmentSize
    cdef Py_ssize_t _firstOutgoing
    cdef object _generateKey
    cdef bint _isCutFirst
    cdef bint _isLatestAnswer
    cdef bint _isPlain
    cdef bint _isShortened
    cdef object _latestPong
    cdef object _observer
    cdef list _outgoing
    cdef object _sharingKey

    cpdef sendText(self, message, compress=*)
    @cython.locals(length=Py_ssize_t)
    cdef _sendMessage(self, opcode, bytes payload, compress)
    cdef _sendFragment(self, opcode, payload, bint isFinal, compress=*)
    cdef _encode(self, frame, compress)
    cdef _sendPong(self, payload, bint isAnswer)
    cdef _queue(self, frame)
    @cython.locals(length=Py_ssize_t, header=bytes)
    cdef _write(self, int opcode, payload, bint isFinal, int rsv)
    cdef _refuseMessage(self)
    cdef _checkOpen(self, act)
