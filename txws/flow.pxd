# The types of flow.py, for Cython.

cimport cython

from .wire.contract cimport WireConnection
from .writing cimport Writer

cdef Py_ssize_t _TURN_SIZE


cdef class Outflow:
    cdef readonly long long handedOn
    cdef readonly Py_ssize_t heldSize
    cdef readonly bint isAboveHighWater
    cdef readonly bint isFull

    cdef WireConnection _connection
    cdef bint _isPulling
    cdef bint _isStreaming
    cdef bint _isWriting
    cdef object _lastByte
    cdef object _limits
    cdef object _owner
    cdef object _producer
    cdef object _rest
    cdef object _takenSize
    cdef object _transport
    cdef object _unsentSize
    cdef Writer _writer

    cpdef Py_ssize_t countPending(self) except -1
    cpdef startTurn(self)
    cpdef flush(self)
    cdef _mind(self)
    @cython.locals(connection=WireConnection)
    cdef _handOn(self)
    cdef _handOnRest(self, list pieces)
    cdef _pull(self)
