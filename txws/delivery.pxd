# The types of delivery.py, for Cython.

cdef class Delivery:
    cdef object _ended
    cdef object _handler
    cdef object _owner

    cpdef deliver(self, message)
    cdef _deliverEvent(self, event)
