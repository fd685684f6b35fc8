# The types of delivery.py, for Cython.

cdef class Delivery:
    cdef readonly object _handler

    cdef object _ended
    cdef object _owner

    cpdef deliver(self, message)
    cdef _deliverEvent(self, event)


cdef class Receiver:
    cpdef textMessageReceived(self, message)
    cpdef bytesMessageReceived(self, data)


cdef class ReceiverDelivery(Delivery):
    cdef Receiver _receiver

    cpdef deliver(self, message)
