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
