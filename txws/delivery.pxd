# The types of delivery.py, for Cython.

cdef class Delivery:
    cdef readonly object _handler

    cdef object _ended
    cdef object _owner

    cpdef deliver(self, message)
    cdef _deliverEvent(self, event)
