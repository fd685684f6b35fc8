# The types of inflow.py, for Cython.

cimport cython

from .delivery cimport Delivery
from .flow cimport Outflow
from .keepalive cimport Keepalive
from .wire.contract cimport WireConnection

cdef object _BUSY
cdef object _IDLE
cdef object _OPEN
cdef Py_ssize_t _FULL_SIZE
cdef double _MUCH_TIME
cdef Py_ssize_t _QUICK_MESSAGES
cdef tuple _MESSAGES


cdef class Inflow:
    cdef public bint isOver
    cdef public object turn
    cdef public Py_ssize_t workSize

    cdef Py_ssize_t _answersSize
    cdef object _carrier
    cdef WireConnection _connection
    cdef Delivery _delivery
    cdef object _handedOn
    cdef Py_ssize_t _highWaterMark
    cdef Keepalive _idleClock
    cdef Keepalive _keepalive
    cdef object _left
    cdef Outflow _outflow
    cdef object _owner
    cdef frozenset _pauses
    cdef Py_ssize_t _pendingBefore
    cdef double _stallTime
    cdef double _until

    cpdef deliver(self, bint isResumed=*)
    @cython.locals(outflow=Outflow)
    cdef _deliver(self)
    @cython.locals(connection=WireConnection)
    cdef _takeTurn(self)
    cdef _nextEvents(self)
    @cython.locals(
        count=Py_ssize_t,
        connection=WireConnection,
        outflow=Outflow,
        delivery=Delivery,
        look=Py_ssize_t,
        number=Py_ssize_t,
    )
    cdef _seeTo(self, events)
    @cython.locals(left=double)
    cdef Py_ssize_t _lookAtClock(self) except -1
    cdef _countAnswers(self)
    cdef _throttle(self)
    cdef _watchStall(self)
    cdef _giveWay(self)
