# The types of keepalive.py, for Cython.

cdef class Keepalive:
    cdef readonly object clock
    cdef public object policy
    cdef readonly object roundTripTime

    cdef object _awaited
    cdef object _connection
    cdef object _deadline
    cdef object _deadlines
    cdef object _expire
    cdef object _heardAt
    cdef object _heartbeatAt
    cdef object _heartbeats
    cdef object _messageAt
    cdef object _nextTurn
    cdef object _phase
    cdef object _place
    cdef object _stall
    cdef object _tlsTimeout

    cpdef heard(self)
    cpdef messageMoved(self)
