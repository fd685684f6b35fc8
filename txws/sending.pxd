# The types of sending.py, for Cython.

cimport cython

from .flow cimport Outflow
from .inflow cimport Inflow
from .keepalive cimport Keepalive
from .wire.contract cimport WireConnection

cdef object _IDLE
cdef object _OPEN
cdef Py_ssize_t _TURN_SIZE
cdef Py_ssize_t _WORK_SIZE
cdef Py_ssize_t _MESSAGE_WORK


cdef class Sender:
    cdef readonly WireConnection _connection
    cdef readonly Inflow _inflow
    cdef readonly Outflow _outflow

    cdef public object _ended
    cdef public bint _hasSent
    cdef public Keepalive _idleClock
    cdef public object _leaving
    cdef public object _outbox

    cdef object _drained
    cdef object _nextTurn
    cdef object _over
    cdef object _writable

    cdef _sendText(self, message, compress)
    cdef _sendBytes(self, data, compress)
    cdef _sendPrepared(self, message)
    cdef bint sendBytesAtOnce(self, data) except -1
    cpdef _fireWritable(self)
    cpdef _flush(self)
    @cython.locals(inflow=Inflow, outflow=Outflow)
    cdef _sent(self, Py_ssize_t size=*)
    cdef _serveOthers(self)
    cpdef _whenWritable(self)
    cdef _whenOver(self)


cpdef _sendText(Sender sender, compress, message)
cpdef _sendBytes(Sender sender, compress, data)
cpdef _sendPrepared(Sender sender, message)
