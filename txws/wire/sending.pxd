# The types of sending.py, for Cython.

cimport cython

from .contract cimport WireConnection
from .frames cimport serializeHeader
from .masking cimport mask
from .singleframes cimport serializeMessage

cdef object _OPEN, _CLOSE_SENT, _TEXT, _BINARY
cdef Py_ssize_t JOINED_PAYLOAD


cdef class SendingHalf(WireConnection):
    cdef object _begun, _fragmentSize, _generateKey, _latestPong, _observer, _sharingKey
    cdef tuple _extensions
    cdef Py_ssize_t _firstOutgoing
    cdef bint _isCutFirst, _isLatestAnswer, _isPlain, _isShortened
    cdef list _outgoing

    @cython.locals(frame=bytes)
    cdef _sendMessage(self, message, compress)
    cdef _sendPayload(self, opcode, bytes payload, compress)
    cdef _sendFragment(self, opcode, payload, bint isFinal, compress=*)
    cdef _encode(self, frame, compress)
    cdef _sendPong(self, payload, bint isAnswer)
    cdef _queue(self, frame)
    @cython.locals(length=Py_ssize_t, header=bytes)
    cdef _write(self, int opcode, payload, bint isFinal, int rsv)
    cdef _refuseMessage(self)
    cdef _checkOpen(self, act)
