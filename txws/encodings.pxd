# The types of encodings.py, for Cython.

cimport cython

cdef int _ASCII_END


cdef class Encoding:
    cpdef send(self, transport, data)
    cpdef sendText(self, transport, text)
    cpdef finish(self, transport)


cdef class Binary(Encoding):
    pass


cdef class Text(Encoding):
    cdef bytes _heldBack

    @cython.locals(whole=bytes)
    cpdef send(self, transport, data)


cdef class Base64(Encoding):
    pass
