# The types of keepalive.py, for Cython.

cdef class Keepalive:
    cdef readonly object clock
    cdef public object policy
    cdef readonly object roundTripTime
    cdef readonly object seconds

    cdef object _awaited
    cdef object _connection
    cdef double _deadline
    cdef object _deadlines
    cdef object _expire
    cdef double _heardAt
    cdef double _heartbeatAt
    cdef object _heartbeats
    cdef double _messageAt
    cdef object _nextTurn
    cdef object _phase
    cdef object _place
    cdef object _stall
    cdef double _tlsTimeout

    cpdef heard(self)
    cpdef messageMoved(self)
