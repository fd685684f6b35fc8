# The types of events.py, for Cython.

cdef class TextMessageReceived:
    cdef public message


cdef class BytesMessageReceived:
    cdef public data


cdef class TextFragmentReceived:
    cdef public text
    cdef public isFinal


cdef class BytesFragmentReceived:
    cdef public data
    cdef public isFinal


cdef class PingReceived:
    cdef public payload


cdef class PongReceived:
    cdef public payload


cdef class CloseReceived:
    cdef public status


cdef class ViolationReceived:
    cdef public violation
